// autoglm quantize: any model written as one GGUF file with weights of another type.
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/autoglm/calibration_options.h"
#include "apps/autoglm/command.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "apps/autoglm/progress.h"
#include "base/str.h"
#include "compress/imatrix.h"
#include "compress/mixed_types.h"
#include "compress/quantize.h"
#include "formats/model_file.h"
#include "formats/recipe_model.h"
#include "quant/recipe.h"

namespace autoglm {
namespace {

class QuantizeCommand : public Command {
 public:
  void Declare(CLI::App* app) override {
    app->add_option("in", in_, "a GGUF file or a Hugging Face folder")->type_name("IN")->required();
    app->add_option("out", out_, "the GGUF file to write")->type_name("OUT")->required();
    app->add_option("--type", type_, "f16, bf16, q8_0, q4_0, q4_k_m, ... (int8 and int4 work too)")
        ->type_name("TYPE");
    app->add_option("--size-mb", size_mb_,
                    "instead: the best types for a file of so many MB (10^6 bytes), by -f")
        ->type_name("X")
        ->check(Between(0.001, 1e6));
    app->add_option("--bits-per-weight", bits_per_weight_,
                    "instead: the best types for so many bits, on average, by -f")
        ->type_name("X")
        ->check(Between(0.5, 32));
    app->add_option("--imatrix", imatrix_,
                    "weigh errors by an importance matrix ('autoglm compress imatrix')")
        ->type_name("FILE");
    app->add_flag("--gptq", gptq_, "correct errors over the text of -f (types of 4 to 6 bits)");
    calibration_.Declare(app, "-f,--file");
    AddThreadsOption(app, &n_threads_);
    app->add_flag("--allow-requantize", allow_requantize_,
                  "also convert weights that are quantized already (each rounding adds error)");
    app->add_option("--set", set_, "write this text into the metadata, as general.name=X")
        ->type_name("KEY=TEXT")
        ->allow_extra_args(false);
    AddJsonOption(app, &json_);
  }

  Status Check() override {
    for (const std::string& pair : set_) {
      if (const size_t equals = pair.find('='); equals == 0 || equals == std::string::npos) {
        return Error(StatusCode::kInvalidArgument, "--set: '", Quoted(pair), "' is not KEY=TEXT");
      }
    }
    const int n_targets = !type_.empty() + size_mb_.has_value() + bits_per_weight_.has_value();
    if (n_targets != 1) {
      return Error(StatusCode::kInvalidArgument,
                   "pass one of --type, --size-mb and --bits-per-weight");
    }
    if (NeedsText() && calibration_.file.empty()) {
      return Error(StatusCode::kInvalidArgument, gptq_ ? "--gptq" : "a size", " needs a text to ",
                   "measure on: pass -f FILE");
    }
    if (!NeedsText() && !calibration_.file.empty()) {
      return Error(StatusCode::kInvalidArgument, "-f is of no use without --gptq or a size");
    }
    return type_.empty() ? OkStatus() : ParseRecipe(type_).status().WithContext("--type");
  }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const auto file, ModelFile::Open(in_));
    std::error_code error;
    if (std::filesystem::equivalent(in_, out_, error)) {
      return Error(StatusCode::kInvalidArgument, "'", out_, "' is the model that is read");
    }
    if (NeedsText()) {
      AUTOGLM_ASSIGN_OR_RETURN(text_, calibration_.Read());
    }
    AUTOGLM_RETURN_IF_ERROR(FindImportance(*file));
    QuantizeOptions options;
    AUTOGLM_RETURN_IF_ERROR(ChooseTypes(*file, &options));
    // For a size there is one in any case.
    options.importance = imatrix_.empty() && !type_.empty() ? nullptr : &importance_;
    options.correct_over = gptq_ ? &text_ : nullptr;
    options.n_threads = NumThreads(n_threads_);
    options.allow_requantize = allow_requantize_;
    for (const std::string& pair : set_) {
      const size_t equals = pair.find('=');
      options.strings.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    }
    {
      ProgressBar bar("quantizing");
      options.progress = Progress(&bar);
      AUTOGLM_RETURN_IF_ERROR(QuantizeModel(*file, out_, options));
    }
    Report(*file);
    return OkStatus();
  }

 private:
  bool NeedsText() const { return gptq_ || type_.empty(); }

  static std::function<bool(const char*, int64_t, int64_t)> Progress(ProgressBar* bar) {
    return [bar](const char*, int64_t done, int64_t total) {
      bar->Update(done, total);
      return true;
    };
  }

  // The one that was given; for a size, else, one of the text.
  Status FindImportance(const ModelFile& file) {
    if (!imatrix_.empty()) {
      AUTOGLM_ASSIGN_OR_RETURN(importance_, ReadImatrix(imatrix_));
      return CheckMatches(importance_, file).WithContext(imatrix_);
    }
    if (!type_.empty()) return OkStatus();
    AUTOGLM_ASSIGN_OR_RETURN(const auto model,
                             ProbedModel::Load(file, text_.n_ctx, NumThreads(n_threads_)));
    AUTOGLM_ASSIGN_OR_RETURN(const std::vector<int32_t> tokens, model->Tokenize(text_));
    ProgressBar bar("reading");
    AUTOGLM_ASSIGN_OR_RETURN(importance_,
                             CollectImportance(*model, tokens, text_, [&](int done, int total) {
                               bar.Update(done, total);
                               return OkStatus();
                             }));
    return OkStatus();
  }

  Status ChooseTypes(const ModelFile& file, QuantizeOptions* options) {
    if (!type_.empty()) {
      AUTOGLM_ASSIGN_OR_RETURN(const Recipe recipe, ParseRecipe(type_));
      options->choose = [recipe, model = RecipeModelOf(file)](const TensorEntry& tensor) {
        return ChooseDType(recipe, model, tensor.name, tensor.shape);
      };
      options->file_type = recipe.file_type;
      return OkStatus();
    }
    ProgressBar bar("measuring");
    MixedTypesRequest request;
    if (size_mb_) request.file_bytes = static_cast<int64_t>(*size_mb_ * 1e6);
    request.bits_per_weight = bits_per_weight_;
    request.importance = &importance_;
    request.text = &text_;
    request.n_threads = NumThreads(n_threads_);
    request.allow_requantize = allow_requantize_;
    request.progress = Progress(&bar);
    AUTOGLM_ASSIGN_OR_RETURN(mixed_, PlanMixedTypes(file, request));
    options->choose = [this](const TensorEntry& tensor) { return mixed_->TypeOf(tensor); };
    options->file_type = mixed_->FileType();
    return OkStatus();
  }

  void Report(const ModelFile& file) const {
    int64_t n_bytes_in = 0;
    for (const TensorEntry& tensor : file.tensors()) n_bytes_in += tensor.n_bytes();
    std::error_code error;
    const auto n_bytes_out = static_cast<int64_t>(std::filesystem::file_size(out_, error));
    if (json_) {
      nlohmann::ordered_json json = {{"out", out_},
                                     {"type", type_},
                                     {"n_tensors", file.tensors().size()},
                                     {"tensor_bytes_in", n_bytes_in},
                                     {"file_bytes_out", error ? 0 : n_bytes_out}};
      if (mixed_) {
        json["predicted_kl"] = mixed_->loss;
        for (const TensorEntry& tensor : file.tensors()) {
          json["types"][tensor.name] = Name(mixed_->TypeOf(tensor));
        }
      }
      PrintJson(json);
    } else {
      if (mixed_) Print(mixed_->Table() + "\n");
      Print(StrCat(out_, ": ", file.tensors().size(), " tensors, ", FormatBytes(n_bytes_in),
                   " of weights became a file of ", FormatBytes(error ? 0 : n_bytes_out), "\n"));
    }
  }

  std::string in_;
  std::string out_;
  std::string type_;
  std::optional<double> size_mb_;
  std::optional<double> bits_per_weight_;
  std::string imatrix_;
  bool gptq_ = false;
  CalibrationOptions calibration_;
  int n_threads_ = 0;
  bool allow_requantize_ = false;
  std::vector<std::string> set_;
  bool json_ = false;

  CalibrationText text_;
  ImportanceMatrix importance_;
  std::optional<MixedTypes> mixed_;  ///< for a size
};

}  // namespace

std::unique_ptr<Command> NewQuantizeCommand() { return std::make_unique<QuantizeCommand>(); }

}  // namespace autoglm

// autoglm quantize: any model written as one GGUF file with weights of another type.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/autoglm/command.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "apps/autoglm/progress.h"
#include "base/str.h"
#include "formats/convert.h"
#include "formats/model_file.h"
#include "formats/recipe_model.h"
#include "platform/cpu.h"
#include "quant/recipe.h"

namespace autoglm {
namespace {

class QuantizeCommand : public Command {
 public:
  void Declare(CLI::App* app) override {
    app->add_option("in", in_, "a GGUF file or a Hugging Face folder")->type_name("IN")->required();
    app->add_option("out", out_, "the GGUF file to write")->type_name("OUT")->required();
    app->add_option("--type", type_, "f16, bf16, q8_0, q4_0, q4_k_m, ... (int8 and int4 work too)")
        ->type_name("TYPE")
        ->required();
    app->add_option("--threads", n_threads_, "threads to compute with (default: all usable cores)")
        ->type_name("N")
        ->check(WholeBetween(1, 1024));
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
    const Status type = ParseRecipe(type_).status();
    return type.ok() ? type : type.WithContext("--type");
  }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const Recipe recipe, ParseRecipe(type_));
    AUTOGLM_ASSIGN_OR_RETURN(const auto file, ModelFile::Open(in_));
    std::error_code error;
    if (std::filesystem::equivalent(in_, out_, error)) {
      return Error(StatusCode::kInvalidArgument, "'", out_, "' is the model that is read");
    }
    const RecipeModel model = RecipeModelOf(*file);
    ProgressBar bar("quantizing");
    ConvertOptions options;
    options.choose = [&](const TensorEntry& tensor) {
      return ChooseDType(recipe, model, tensor.name, tensor.shape);
    };
    options.file_type = recipe.file_type;
    options.progress = [&](int64_t done_bytes, int64_t total_bytes) {
      bar.Update(done_bytes, total_bytes);
      return true;
    };
    options.n_threads = n_threads_ > 0 ? n_threads_ : NumUsableCores();
    options.allow_requantize = allow_requantize_;
    for (const std::string& pair : set_) {
      const size_t equals = pair.find('=');
      options.strings.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    }
    AUTOGLM_RETURN_IF_ERROR(WriteGguf(*file, out_, options));
    bar.Clear();
    Report(*file);
    return OkStatus();
  }

 private:
  void Report(const ModelFile& file) const {
    int64_t n_bytes_in = 0;
    for (const TensorEntry& tensor : file.tensors()) n_bytes_in += tensor.n_bytes();
    std::error_code error;
    const auto n_bytes_out = static_cast<int64_t>(std::filesystem::file_size(out_, error));
    if (json_) {
      PrintJson({{"out", out_},
                 {"type", type_},
                 {"n_tensors", file.tensors().size()},
                 {"tensor_bytes_in", n_bytes_in},
                 {"file_bytes_out", error ? 0 : n_bytes_out}});
    } else {
      Print(StrCat(out_, ": ", file.tensors().size(), " tensors, ", FormatBytes(n_bytes_in),
                   " of weights became a file of ", FormatBytes(error ? 0 : n_bytes_out), "\n"));
    }
  }

  std::string in_;
  std::string out_;
  std::string type_;
  int n_threads_ = 0;
  bool allow_requantize_ = false;
  std::vector<std::string> set_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> NewQuantizeCommand() { return std::make_unique<QuantizeCommand>(); }

}  // namespace autoglm

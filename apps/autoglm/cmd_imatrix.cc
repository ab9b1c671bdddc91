// autoglm compress imatrix: which weights matter while a model reads a text.
#include <nlohmann/json.hpp>
#include <string>

#include "apps/autoglm/calibration_options.h"
#include "apps/autoglm/command.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "apps/autoglm/progress.h"
#include "compress/imatrix.h"

namespace autoglm {
namespace {

class ImatrixCommand final : public Command {
 public:
  void Declare(CLI::App* app) override {
    AddModelOption(app, &model_);
    calibration_.Declare(app, "-f,--file")->required();
    app->add_option("--out", out_, "the importance matrix, a GGUF file")
        ->required()
        ->type_name("FILE");
    AddThreadsOption(app, &n_threads_);
    AddJsonOption(app, &json_);
  }

  Status Check() override { return FindModel(model_).status(); }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const std::string path, FindModel(model_));
    AUTOGLM_ASSIGN_OR_RETURN(const CalibrationText calibration, calibration_.Read());
    AUTOGLM_ASSIGN_OR_RETURN(const auto file, ModelFile::Open(path));
    AUTOGLM_ASSIGN_OR_RETURN(const auto model,
                             ProbedModel::Load(*file, calibration.n_ctx, NumThreads(n_threads_)));
    AUTOGLM_ASSIGN_OR_RETURN(const std::vector<int32_t> tokens, model->Tokenize(calibration));
    ProgressBar bar("reading");
    AUTOGLM_ASSIGN_OR_RETURN(
        const ImportanceMatrix matrix,
        CollectImportance(*model, tokens, calibration, [&](int done, int n_chunks) {
          bar.Update(done, n_chunks);
          return OkStatus();
        }));
    AUTOGLM_RETURN_IF_ERROR(WriteImatrix(matrix, out_));
    bar.Clear();
    if (json_) {
      PrintJson({{"out", out_},
                 {"n_tensors", matrix.entries.size()},
                 {"n_chunks", matrix.n_chunks},
                 {"chunk_size", matrix.chunk_size}});
    } else {
      Print(StrCat(out_, ": ", matrix.entries.size(), " tensors, ", matrix.n_chunks, " chunks of ",
                   matrix.chunk_size, " tokens\n"));
    }
    return OkStatus();
  }

 private:
  std::string model_;
  CalibrationOptions calibration_;
  std::string out_;
  int n_threads_ = 0;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> NewImatrixCommand() { return std::make_unique<ImatrixCommand>(); }

}  // namespace autoglm

// autoglm compress qat: training with weights rounded as the engine rounds them.
#include "apps/autoglm-compress/commands.h"
#include "apps/autoglm-compress/training_options.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "quant/recipe.h"
#include "training/qat.h"

namespace autoglm {
namespace {

class QatCommand : public Command {
 public:
  void Declare(CLI::App* app) override {
    QatOptions& o = options_;
    app->add_option("-m,--model", o.model, "the model to start from")
        ->type_name("MODEL")
        ->required();
    app->add_option("--type", o.type, "q8_0, q4_0 ...")->type_name("TYPE")->required();
    DeclareData(app, &o.data, &o.valid);
    DeclareTrainerOptions(app, &o.trainer);
    DeclareMetadata(app, &metadata_);
    DeclareThreads(app, &o.n_threads);
    AddJsonOption(app, &json_);
  }

  Status Check() override {
    const Status type = ParseRecipe(options_.type).status();
    if (!type.ok()) return type.WithContext("--type");
    AUTOGLM_ASSIGN_OR_RETURN(options_.metadata, ParseMetadata(metadata_));
    return OkStatus();
  }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const QatResult result,
                             QatModel(options_, StderrLogger(true), ProgressLine()));
    ReportTraining(result.training, options_.trainer.folder, json_);
    return OkStatus();
  }

 private:
  QatOptions options_;
  std::vector<std::string> metadata_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> NewQatCommand() { return std::make_unique<QatCommand>(); }

}  // namespace autoglm

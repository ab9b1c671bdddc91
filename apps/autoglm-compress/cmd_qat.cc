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
    arguments_.Declare(app, &o);
  }

  Status Check() override {
    const Status type = ParseRecipe(options_.type).status();
    if (!type.ok()) return type.WithContext("--type");
    return arguments_.Check();
  }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const QatResult result,
                             QatModel(options_, StderrLogger(true), ProgressLine()));
    arguments_.Report(result.training);
    return OkStatus();
  }

 private:
  QatOptions options_;
  TrainingArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> NewQatCommand() { return std::make_unique<QatCommand>(); }

}  // namespace autoglm

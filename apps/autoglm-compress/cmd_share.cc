// autoglm compress share: layers that compute with one set of weights.
#include "apps/autoglm-compress/commands.h"
#include "apps/autoglm-compress/training_options.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "training/share.h"

namespace autoglm {
namespace {

class ShareCommand : public Command {
 public:
  void Declare(CLI::App* app) override {
    ShareOptions& o = options_;
    app->add_option("-m,--model", o.model, "the model to start from")
        ->type_name("MODEL")
        ->required();
    app->add_option("--group", o.group_size, "so many layers in a row share")
        ->check(WholeBetween(2, 4096));
    app->add_option("--teacher-weight", o.teacher_weight,
                    "of the original's opinion while healing; the data has the rest")
        ->check(Between(0, 1));
    arguments_.Declare(app, &o);
  }

  Status Check() override { return arguments_.Check(); }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const ShareResult result,
                             ShareModel(options_, StderrLogger(true), ProgressLine()));
    arguments_.Report(result.training);
    return OkStatus();
  }

 private:
  ShareOptions options_;
  TrainingArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> NewShareCommand() { return std::make_unique<ShareCommand>(); }

}  // namespace autoglm

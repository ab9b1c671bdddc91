// autoglm compress train: a small model from text, or from prompts and answers.
#include "apps/autoglm-compress/commands.h"
#include "apps/autoglm-compress/training_options.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "platform/file.h"
#include "training/train.h"

namespace autoglm {
namespace {

constexpr size_t kMaxTemplateBytes = size_t{1} << 20;

class TrainCommand : public Command {
 public:
  void Declare(CLI::App* app) override {
    TrainOptions& o = options_;
    app->add_option("--config", o.config, "config.json of a new model (glm, glm4, llama, qwen3)")
        ->type_name("FILE");
    app->add_option("--init", o.init, "a model to go on from")->type_name("MODEL");
    app->add_option("--tokenizer", o.tokenizer, "take this one instead of learning one")
        ->type_name("MODEL");
    app->add_option("--vocab-size", o.vocab_size, "most tokens of a tokenizer that is learned")
        ->check(WholeBetween(300, 1 << 20));
    app->add_flag("!--join-classes", o.classes_apart,
                  "let its tokens join letters with spaces, digits and marks");
    app->add_option("--chat-template", template_file_, "Jinja file; else a template of GLM's form")
        ->type_name("FILE");
    arguments_.Declare(app, &o);
  }

  Status Check() override {
    if (options_.config.empty() == options_.init.empty()) {
      return Error(StatusCode::kInvalidArgument, "give one of --config and --init");
    }
    return arguments_.Check();
  }

  Status Run() override {
    if (!template_file_.empty()) {
      AUTOGLM_ASSIGN_OR_RETURN(options_.chat_template,
                               ReadWholeFile(template_file_, kMaxTemplateBytes));
    }
    AUTOGLM_ASSIGN_OR_RETURN(const TrainerResult result,
                             TrainModel(options_, StderrLogger(true), ProgressLine()));
    arguments_.Report(result);
    return OkStatus();
  }

 private:
  TrainOptions options_;
  std::string template_file_;
  TrainingArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> NewTrainCommand() { return std::make_unique<TrainCommand>(); }

}  // namespace autoglm

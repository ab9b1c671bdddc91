// autoglm compress distil: a student learns what a teacher thinks.
#include "apps/autoglm-compress/commands.h"
#include "apps/autoglm-compress/training_options.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "training/distil.h"

namespace autoglm {
namespace {

class DistilCommand : public Command {
 public:
  void Declare(CLI::App* app) override {
    DistilOptions& o = options_;
    app->add_option("--teacher", o.teacher, "the model to learn from")
        ->type_name("MODEL")
        ->required();
    app->add_option("--config", o.config, "config.json of a new student")->type_name("FILE");
    app->add_option("--student", o.student, "a student to go on from")->type_name("MODEL");
    app->add_option("--generate", o.n_generated,
                    "prompts of the data that the teacher answers, as further data")
        ->check(WholeBetween(0, 1 << 24));
    app->add_option("--temperature", o.loss.temperature, "by which both are softened")
        ->check(Between(0.1, 100));
    app->add_option("--teacher-weight", o.loss.teacher_weight,
                    "of the teacher's opinion; the data has the rest")
        ->check(Between(0, 1));
    app->add_option("--hidden-weight", o.loss.hidden_weight, "of hidden states being alike")
        ->check(Between(0, 1e6));
    app->add_option("--relation-weight", o.loss.relation_weight,
                    "of queries, keys and values seeing one another alike")
        ->check(Between(0, 1e6));
    arguments_.Declare(app, &o);
  }

  Status Check() override {
    if (options_.config.empty() == options_.student.empty()) {
      return Error(StatusCode::kInvalidArgument, "give one of --config and --student");
    }
    return arguments_.Check();
  }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const TrainerResult result,
                             DistilModel(options_, StderrLogger(true), ProgressLine()));
    arguments_.Report(result);
    return OkStatus();
  }

 private:
  DistilOptions options_;
  TrainingArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> NewDistilCommand() { return std::make_unique<DistilCommand>(); }

}  // namespace autoglm

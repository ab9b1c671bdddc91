// autoglm compress prune: takes away what a model needs least.
#include <algorithm>

#include "apps/autoglm-compress/commands.h"
#include "apps/autoglm-compress/training_options.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "training/prune.h"

namespace autoglm {
namespace {

class PruneCommand : public Command {
 public:
  void Declare(CLI::App* app) override {
    PruneOptions& o = options_;
    app->add_option("-m,--model", o.model, "the model to start from")
        ->type_name("MODEL")
        ->required();
    app->add_option("--ratio", o.ratio, "part of the parameters to take away")
        ->check(Between(0, 1e6));
    app->add_option("--parameters", o.n_parameters, "parameters to leave, at most")
        ->check(WholeBetween(1, uint64_t{1} << 40));
    app->add_option("--size-mb", o.file_mb, "megabytes of weights of --type to leave, at most")
        ->check(Between(0, 1e9));
    app->add_option("--latency-ms", o.latency_ms,
                    "for a token on one thread of this machine, predicted, at most")
        ->check(Between(0, 1e9));
    app->add_option("--type", o.type, "type that sizes and latencies are of")->type_name("TYPE");
    app->add_option("--parts", parts_, "which: ffn, heads, layers, hidden (default: ffn, heads)")
        ->delimiter(',')
        ->check(OneOf({"ffn", "heads", "layers", "hidden"}));
    app->add_option("--rounds", o.n_rounds, "prunings, each followed by --steps or --epochs")
        ->check(WholeBetween(1, 1000));
    app->add_option("--calibration-batches", o.n_calibration_batches,
                    "batches that importance is measured on")
        ->check(WholeBetween(1, 1 << 20));
    app->add_option("--teacher-weight", o.teacher_weight,
                    "of the original's opinion while healing; the data has the rest")
        ->check(Between(0, 1));
    arguments_.Declare(app, &o);
  }

  Status Check() override {
    const int n_targets = (options_.ratio > 0) + (options_.n_parameters > 0) +
                          (options_.file_mb > 0) + (options_.latency_ms > 0);
    if (n_targets != 1) {
      return Error(StatusCode::kInvalidArgument,
                   "give one of --ratio, --parameters, --size-mb and --latency-ms");
    }
    if (!parts_.empty()) {
      const auto has = [&](const char* part) {
        return std::find(parts_.begin(), parts_.end(), part) != parts_.end();
      };
      options_.parts = {has("ffn"), has("heads"), has("layers"), has("hidden")};
    }
    return arguments_.Check();
  }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const PruneResult result,
                             PruneModel(options_, StderrLogger(true), ProgressLine()));
    arguments_.Report(result.training);
    return OkStatus();
  }

 private:
  PruneOptions options_;
  std::vector<std::string> parts_;
  TrainingArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> NewPruneCommand() { return std::make_unique<PruneCommand>(); }

}  // namespace autoglm

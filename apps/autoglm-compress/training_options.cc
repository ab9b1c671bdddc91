#include "apps/autoglm-compress/training_options.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "base/str.h"

namespace autoglm {

namespace {

constexpr double kMost = 1e12;
constexpr uint64_t kMostWhole = uint64_t{1} << 40;

/// 3725 -> "1 h 02 min".
std::string Duration(double seconds) {
  const auto s = static_cast<int64_t>(seconds);
  const auto two = [](int64_t n) { return StrCat(n < 10 ? "0" : "", n); };
  if (s >= 3600) return StrCat(s / 3600, " h ", two(s % 3600 / 60), " min");
  if (s >= 60) return StrCat(s / 60, " min ", two(s % 60), " s");
  return StrCat(s, " s");
}

std::string Fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

std::string Line(const TrainerProgress& p) {
  std::string line = StrCat("step ", p.step, "/", p.n_steps, ", epoch ", Fixed(p.epoch, 2),
                            ", loss ", Fixed(p.loss, 4));
  if (p.valid_loss > 0) {
    StrAppend(&line, ", validation ", Fixed(p.valid_loss, 4), " (best ",
              Fixed(p.best_valid_loss, 4), ")");
  }
  return StrCat(line, ", ", Fixed(p.tokens_per_s, 0), " tokens/s, ", Duration(p.seconds_left),
                " left");
}

/// --out, --epochs and what else is of the run.
void DeclareTrainerOptions(CLI::App* app, TrainerOptions* o) {
  app->add_option("--out", o->folder, "folder for the model, its checkpoint and train.csv")
      ->type_name("FOLDER")
      ->required();
  app->add_option("--epochs", o->n_epochs, "times that the data is gone through")
      ->check(Between(0, 1e6));
  app->add_option("--steps", o->n_steps, "updates, instead of --epochs")
      ->check(WholeBetween(1, kMostWhole));
  app->add_option("--batch-tokens", o->batch_tokens, "tokens in a batch, padding included")
      ->check(WholeBetween(1, 1 << 24));
  app->add_option("--accumulate", o->accumulate, "batches for one update")
      ->check(WholeBetween(1, 4096));
  app->add_option("--lr", o->learning_rate, "highest learning rate")->check(Between(0, kMost));
  app->add_option("--final-lr", o->final_rate, "where it ends, as a part of --lr")
      ->check(Between(0, 1));
  app->add_option("--warmup", o->n_warmup, "steps in which it rises")
      ->check(WholeBetween(0, kMostWhole));
  app->add_option("--weight-decay", o->adamw.weight_decay, "of matrices")->check(Between(0, 10));
  app->add_option("--beta2", o->adamw.beta2, "memory of squared gradients")
      ->check(Between(0, 0.999999));
  app->add_option("--clip", o->adamw.clip_norm, "norm that gradients are cut down to; 0: never")
      ->check(Between(0, kMost));
  app->add_option("--seed", o->seed, "of weights and of the order of examples")
      ->check(WholeBetween(0, kMostWhole));
  app->add_option("--valid-every", o->validate_every, "steps between validations")
      ->check(WholeBetween(1, kMostWhole));
  app->add_option("--patience", o->patience,
                  "validations without a better loss after which it stops; 0: never")
      ->check(WholeBetween(0, 1 << 20));
  app->add_option("--checkpoint-every", o->checkpoint_every, "steps between checkpoints")
      ->check(WholeBetween(1, kMostWhole));
}

Result<ExtraMetadata> ParseMetadata(const std::vector<std::string>& pairs) {
  ExtraMetadata parsed;
  for (const std::string& pair : pairs) {
    const size_t at = pair.find('=');
    if (at == pair.npos || at == 0) {
      return Error(StatusCode::kInvalidArgument, "--metadata: '", Quoted(pair),
                   "' is not KEY=TEXT");
    }
    parsed.emplace_back(pair.substr(0, at), pair.substr(at + 1));
  }
  return parsed;
}

}  // namespace

void TrainingArguments::Declare(CLI::App* app, TrainingOptions* o) {
  options_ = o;
  app->add_option("--data", o->data,
                  "text, or JSON Lines of {\"prompt\", \"answer\"}; also several")
      ->type_name("FILE")
      ->required();
  app->add_option("--valid", o->valid, "the same, to validate with")->type_name("FILE");
  app->add_option("--grammar", o->grammar,
                  "learn answers among what this permits: a file, or a built-in one")
      ->type_name("GRAMMAR");
  DeclareTrainerOptions(app, &o->trainer);
  app->add_option("--metadata", metadata_, "KEY=TEXT for the GGUF file, also several")
      ->type_name("KEY=TEXT");
  app->add_option("--threads", o->n_threads, "threads to compute with")
      ->check(WholeBetween(1, 1024));
  AddJsonOption(app, &json_);
}

Status TrainingArguments::Check() {
  AUTOGLM_ASSIGN_OR_RETURN(options_->metadata, ParseMetadata(metadata_));
  if (options_->grammar.empty()) return OkStatus();
  AUTOGLM_ASSIGN_OR_RETURN(options_->grammar, ReadGrammar(options_->grammar));
  return OkStatus();
}

std::function<void(const TrainerProgress&)> ProgressLine() {
  using Clock = std::chrono::steady_clock;
  const bool is_terminal = ::isatty(STDERR_FILENO) != 0;
  const auto every = std::chrono::milliseconds(is_terminal ? 200 : 10000);
  return [=, last = std::make_shared<Clock::time_point>()](const TrainerProgress& p) {
    const bool is_last = p.step == p.n_steps;
    if (!is_last && Clock::now() - *last < every) return;
    *last = Clock::now();
    std::fprintf(stderr, is_terminal ? "\r\x1b[K%s%s" : "%s%s", Line(p).c_str(),
                 is_terminal && !is_last ? "" : "\n");
  };
}

void TrainingArguments::Report(const TrainerResult& result) const {
  const std::string& folder = options_->trainer.folder;
  if (json_) {
    nlohmann::ordered_json out = {{"out", folder},
                                  {"n_steps", result.n_steps},
                                  {"loss", result.loss},
                                  {"stopped_early", result.stopped_early},
                                  {"resumed", result.resumed}};
    if (result.valid_loss > 0) out["valid_loss"] = result.valid_loss;
    return PrintJson(out);
  }
  Print(StrCat(
      folder, ": ", result.n_steps, " steps", result.resumed ? " (resumed)" : "",
      result.stopped_early ? ", stopped early" : "", ", loss ", Fixed(result.loss, 4),
      result.valid_loss > 0 ? StrCat(", validation ", Fixed(result.valid_loss, 4)) : std::string(),
      "\n"));
}

}  // namespace autoglm

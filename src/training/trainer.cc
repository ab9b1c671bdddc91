#include "training/trainer.h"

#include <chrono>
#include <cmath>
#include <filesystem>
#include <optional>

#include "base/xxhash64.h"
#include "platform/file.h"
#include "training/csv_log.h"
#include "training/ops.h"

namespace autoglm {

namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

uint64_t HashOf(const ExampleSet& examples) {
  uint64_t hash = 0;
  for (int i = 0; i < examples.size(); ++i) {
    hash = XxHash64(std::as_bytes(examples.tokens(i)),
                    hash + static_cast<uint64_t>(examples.n_given(i)));
    const int n_scored = examples.length(i) + 1 - examples.n_given(i);
    for (int t = 0; examples.has_choices() && t < n_scored; ++t) {
      hash = XxHash64(std::as_bytes(examples.choices(i, t)), hash);
    }
  }
  return hash;
}

class Run {
 public:
  Run(TrainableDecoder* decoder, const ExampleSet& train, const ExampleSet& valid,
      const Objective& objective, const TrainerOptions& options,
      const std::function<void(const TrainerProgress&)>& progress)
      : decoder_(*decoder),
        train_(train),
        valid_(valid),
        objective_(objective),
        options_(options),
        progress_(progress),
        optimizer_(&decoder->parameters(), options.adamw) {}

  Result<TrainerResult> Go() {
    AUTOGLM_RETURN_IF_ERROR(Begin());
    while (state_.step < n_steps_ && !result_.stopped_early) AUTOGLM_RETURN_IF_ERROR(Step());
    result_.n_steps = state_.step;
    result_.loss = smooth_loss_;
    if (!best_.empty()) {
      RestoreBest();
      result_.valid_loss = state_.best_valid_loss;
    }
    return result_;
  }

 private:
  std::string Folder(const char* name) const { return JoinPath(options_.folder, name); }

  Status Begin() {
    std::error_code error;
    std::filesystem::create_directories(options_.folder, error);
    if (error) return ErrnoError(error.value(), "cannot create folder", options_.folder);
    LoadEpoch(0);
    const double per_epoch = static_cast<double>(batches_.size()) / options_.accumulate;
    n_steps_ = options_.n_steps > 0
                   ? options_.n_steps
                   : std::max<int64_t>(1, std::llround(options_.n_epochs * per_epoch));
    state_.run = Identity();
    if (FileExists(Folder("checkpoint.safetensors"))) {
      AUTOGLM_ASSIGN_OR_RETURN(state_, LoadCheckpoint(Folder("checkpoint.safetensors"), Identity(),
                                                      &decoder_.parameters(), &optimizer_, &best_));
      result_.resumed = true;
      result_.stopped_early = OutOfPatience();
      LoadEpoch(state_.epoch);
    }
    started_ = Clock::now();
    seconds_before_ = state_.seconds;
    tokens_before_ = state_.n_tokens;
    AUTOGLM_ASSIGN_OR_RETURN(CsvLog log, CsvLog::Open(Folder("train.csv"), state_.step));
    log_.emplace(std::move(log));
    return OkStatus();
  }

  std::string Identity() const {
    const TrainerOptions& o = options_;
    return StrCat(o.run, o.run.empty() ? "" : ", ", "parameters ", decoder_.config().n_parameters(),
                  ", data ", HashOf(train_), "/", HashOf(valid_), ", steps ", n_steps_, ", batch ",
                  o.batch_tokens, "x", o.accumulate, ", rate ", o.learning_rate, "..", o.final_rate,
                  ", warm-up ", o.n_warmup, ", decay ", o.adamw.weight_decay, ", betas ",
                  o.adamw.beta1, "/", o.adamw.beta2, ", clip ", o.adamw.clip_norm, ", seed ",
                  o.seed, ", validation every ", o.validate_every, ", patience ", o.patience,
                  ", threads ", at::get_num_threads());
  }

  void LoadEpoch(int64_t epoch) {
    batches_ = EpochBatches(train_, options_.batch_tokens, options_.seed, epoch);
  }

  TokenBatch NextBatch() {
    if (state_.batch == static_cast<int64_t>(batches_.size())) {
      ++state_.epoch;
      state_.batch = 0;
      LoadEpoch(state_.epoch);
    }
    return MakeBatch(train_, batches_[static_cast<size_t>(state_.batch++)]);
  }

  Status Step() {
    double loss = 0;
    for (int i = 0; i < options_.accumulate; ++i) {
      const TokenBatch batch = NextBatch();
      at::Tensor value = objective_(batch);
      loss += value.item<double>() / options_.accumulate;
      if (!std::isfinite(loss)) return Diverged("the loss", loss);
      if (options_.accumulate > 1) value = value / options_.accumulate;
      value.backward();
      state_.n_tokens += batch.n_tokens;
    }
    const double norm = optimizer_.GradientNorm();
    if (!std::isfinite(norm)) return Diverged("the gradient's norm", norm);
    const double rate =
        LearningRate(state_.step, options_.n_warmup, n_steps_, options_.learning_rate,
                     options_.learning_rate * options_.final_rate);
    optimizer_.Step(rate, norm);
    ++state_.step;
    smooth_loss_ = smooth_loss_ == 0 ? loss : 0.95 * smooth_loss_ + 0.05 * loss;
    state_.seconds = seconds_before_ + Seconds(started_);
    CsvRow row = {state_.step, state_.epoch, state_.n_tokens, state_.seconds, rate, loss, norm, {}};
    const bool is_last = state_.step == n_steps_;
    if (valid_.size() > 0 && (state_.step % options_.validate_every == 0 || is_last)) {
      row.valid_loss = Validate();
    }
    AUTOGLM_RETURN_IF_ERROR(log_->Add(row));
    if (state_.step % options_.checkpoint_every == 0 || is_last || result_.stopped_early) {
      AUTOGLM_RETURN_IF_ERROR(SaveCheckpoint(Folder("checkpoint.safetensors"),
                                             decoder_.parameters(), optimizer_, best_, state_));
    }
    Report();
    return OkStatus();
  }

  Status Diverged(const char* what, double value) const {
    const int64_t last = state_.step / options_.checkpoint_every * options_.checkpoint_every;
    return Error(StatusCode::kOutOfRange, what, " became ", value, " at step ", state_.step + 1,
                 "; lower the learning rate or the clipping norm. ",
                 last > 0 ? StrCat("The checkpoint of step ", last, " is intact.")
                          : std::string("There was no checkpoint yet."));
  }

  double Validate() {
    const double loss = MeanLoss(decoder_, valid_, options_.batch_tokens);
    last_valid_loss_ = loss;
    if (loss < state_.best_valid_loss) {
      state_.best_valid_loss = loss;
      state_.n_validations_since_best = 0;
      best_.clear();
      for (const Parameter& p : decoder_.parameters()) best_.push_back(p.value.detach().clone());
    } else {
      ++state_.n_validations_since_best;
      result_.stopped_early = OutOfPatience();
    }
    return loss;
  }

  bool OutOfPatience() const {
    return options_.patience > 0 && state_.n_validations_since_best >= options_.patience;
  }

  void RestoreBest() {
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i < best_.size(); ++i) decoder_.parameters()[i].value.copy_(best_[i]);
  }

  void Report() const {
    if (!progress_) return;
    TrainerProgress p;
    p.step = state_.step;
    p.n_steps = n_steps_;
    p.n_tokens = state_.n_tokens;
    p.epoch = static_cast<double>(state_.epoch) +
              static_cast<double>(state_.batch) / static_cast<double>(batches_.size());
    p.loss = smooth_loss_;
    p.valid_loss = last_valid_loss_;
    p.best_valid_loss = std::isfinite(state_.best_valid_loss) ? state_.best_valid_loss : 0;
    const double elapsed = state_.seconds - seconds_before_;
    p.tokens_per_s = static_cast<double>(state_.n_tokens - tokens_before_) / elapsed;
    const int64_t tokens_per_step = state_.n_tokens / state_.step;
    p.seconds_left =
        static_cast<double>((n_steps_ - state_.step) * tokens_per_step) / p.tokens_per_s;
    progress_(p);
  }

  TrainableDecoder& decoder_;
  const ExampleSet& train_;
  const ExampleSet& valid_;
  const Objective& objective_;
  const TrainerOptions& options_;
  const std::function<void(const TrainerProgress&)>& progress_;
  AdamW optimizer_;
  std::optional<CsvLog> log_;
  TrainingState state_;
  TrainerResult result_;
  std::vector<std::vector<int>> batches_;
  std::vector<at::Tensor> best_;  ///< as parameters; empty before the first validation
  int64_t n_steps_ = 0;
  double smooth_loss_ = 0, last_valid_loss_ = 0;
  Clock::time_point started_;
  double seconds_before_ = 0;
  int64_t tokens_before_ = 0;
};

}  // namespace

Objective CrossEntropyObjective(const TrainableDecoder& decoder) {
  return [&decoder](const TokenBatch& batch) {
    return CrossEntropy(decoder.Logits(batch), batch.targets);
  };
}

double MeanLoss(const TrainableDecoder& decoder, const ExampleSet& examples, int64_t batch_tokens) {
  const at::NoGradGuard no_grad;
  double sum = 0;
  int64_t n = 0;
  for (const auto& indices : OrderedBatches(examples, batch_tokens)) {
    const TokenBatch batch = MakeBatch(examples, indices);
    const auto n_scored = static_cast<int64_t>(batch.targets.size());
    sum += CrossEntropy(decoder.Logits(batch), batch.targets).item<double>() *
           static_cast<double>(n_scored);
    n += n_scored;
  }
  return n > 0 ? sum / static_cast<double>(n) : 0;
}

double RoundedLoss(double loss) { return std::round(loss * 1e4) / 1e4; }

Result<TrainerResult> Train(TrainableDecoder* decoder, const ExampleSet& train,
                            const ExampleSet& valid, const Objective& objective,
                            const TrainerOptions& options,
                            const std::function<void(const TrainerProgress&)>& progress) {
  try {
    return Run(decoder, train, valid, objective, options, progress).Go();
  } catch (const c10::Error& error) {
    return Error(StatusCode::kInternal, "libtorch: ", error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    return Error(StatusCode::kResourceExhausted, "out of memory; lower the tokens per batch");
  }
}

}  // namespace autoglm

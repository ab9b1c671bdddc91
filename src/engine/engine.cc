// See engine.h.
#include "engine/engine.h"

#include <algorithm>
#include <utility>

#include "engine/jump_ahead.h"

namespace autoglm {
namespace {

/// Rows of logits that ForEachLogits asks for at a time: many enough for matrix products to be
/// efficient, few enough for a vocabulary of 150 k (38 MB).
constexpr int kLogitsRows = 64;

}  // namespace

int64_t Engine::MemoryBytes(const KvLayout& layout, int vocab_size, const EngineOptions& options) {
  return options.n_kv_pages * layout.page_bytes() +
         int64_t{options.max_sequences} * vocab_size * static_cast<int64_t>(sizeof(float));
}

Result<std::unique_ptr<Engine>> Engine::Create(LanguageModel& model, Backend& backend,
                                               const Tokenizer* tokenizer, const Clock& clock,
                                               const EngineOptions& options) {
  if (options.n_kv_pages < 1 || options.max_sequences < 1) {
    return Error(StatusCode::kInvalidArgument, "an engine of ", options.n_kv_pages,
                 " cache pages for ", options.max_sequences, " sequences");
  }
  AUTOGLM_ASSIGN_OR_RETURN(const KvLayout layout, model.kv_layout(options.kv_dtype));
  AUTOGLM_ASSIGN_OR_RETURN(std::unique_ptr<KvPagePool> pool,
                           KvPagePool::Create(backend, layout, options.n_kv_pages));
  EngineOptions actual = options;
  actual.max_sequences = std::min(options.max_sequences, model.max_output_rows());
  const size_t logits_bytes =
      size_t(actual.max_sequences) * model.config().vocab_size * sizeof(float);
  AUTOGLM_ASSIGN_OR_RETURN(Buffer logits, backend.NewBuffer(logits_bytes, "logits"));
  return std::unique_ptr<Engine>(
      new Engine(model, tokenizer, clock, actual, std::move(pool), std::move(logits)));
}

Engine::Engine(LanguageModel& model, const Tokenizer* tokenizer, const Clock& clock,
               const EngineOptions& options, std::unique_ptr<KvPagePool> pool, Buffer logits)
    : model_(model),
      tokenizer_(tokenizer),
      clock_(clock),
      pool_(std::move(pool)),
      max_outputs_(options.max_sequences),
      logits_(std::move(logits)) {
  if (options.prefix_cache) prefix_cache_ = std::make_unique<PrefixCache>(*pool_);
  const int max_rows = model_.max_batch_tokens();
  tokens_.reserve(max_rows);
  positions_.reserve(max_rows);
  spans_.reserve(max_rows);
  planned_.reserve(max_rows);
  output_rows_.reserve(std::max(max_outputs_, kLogitsRows));
}

std::unique_ptr<Sequence> Engine::NewSequence(int max_tokens) const {
  return std::unique_ptr<Sequence>(new Sequence(*pool_, prefix_cache_.get(),
                                                std::max(max_tokens, 2), tokenizer_,
                                                model_.config().vocab_size, clock_));
}

Result<std::shared_ptr<const Grammar>> Engine::CompileGrammar(const GrammarSpec& spec) const {
  if (tokenizer_ == nullptr) {
    return Error(StatusCode::kFailedPrecondition, "a grammar needs a model with a tokenizer");
  }
  std::shared_ptr<const GrammarVocabulary> vocabulary;
  {
    const std::lock_guard lock(grammar_mutex_);
    if (grammar_vocabulary_ == nullptr) {
      grammar_vocabulary_ = MakeGrammarVocabulary(*tokenizer_, model_.config().vocab_size);
    }
    vocabulary = grammar_vocabulary_;
  }
  return Grammar::Compile(spec, std::move(vocabulary));
}

Result<StepStats> Engine::Step(std::span<Sequence* const> sequences, const StepLimits& limits) {
  const int64_t start_ns = clock_.NowNs();
  AUTOGLM_RETURN_IF_ERROR(BeginStep(sequences, limits));
  StepStats stats;
  Plan(sequences, std::min(limits.max_tokens, model_.max_batch_tokens()), &stats);
  const Tensor logits = logits_.View(DType::kF32, Shape{static_cast<int64_t>(output_rows_.size()),
                                                        int64_t{model_.config().vocab_size}});
  if (!planned_.empty()) {
    const int64_t forward_start_ns = clock_.NowNs();
    const Status status = Forward(logits);
    if (!status.ok()) {
      // Their pages hold nothing of use: as before the step.
      for (size_t i = 0; i < planned_.size(); ++i) {
        planned_[i].sequence->kv_.Truncate(spans_[i].first_position);
      }
      return status;
    }
    stats.forward_ns = clock_.NowNs() - forward_start_ns;
  }
  int output = 0;
  for (const Planned& planned : planned_) {
    if (Sequence& sequence = *planned.sequence; sequence.n_generated() == 0) {
      sequence.ShareWith(sequence.options_.prefix_domain);
    }
    if (!planned.gets_token) continue;
    planned.sequence->Choose({logits.f32_row(output++), static_cast<size_t>(logits.cols())});
    const bool failed = planned.sequence->stop_reason() == StopReason::kError;
    ++(failed ? stats.n_failed : stats.n_chosen);
  }
  stats.n_tokens = static_cast<int>(tokens_.size());
  stats.n_sequences = static_cast<int>(planned_.size());
  stats.total_ns = clock_.NowNs() - start_ns;
  return stats;
}

Status Engine::BeginStep(std::span<Sequence* const> sequences, const StepLimits& limits) {
  if (limits.max_tokens < 1) {
    return Error(StatusCode::kInvalidArgument, "a step of ", limits.max_tokens, " tokens");
  }
  ++n_steps_;
  for (Sequence* sequence : sequences) {
    if (sequence == nullptr || sequence->pool_ != pool_.get() || sequence->last_step_ == n_steps_) {
      return Error(StatusCode::kInvalidArgument,
                   "a step with a sequence that is null, of another engine, or given twice");
    }
    sequence->last_step_ = n_steps_;
  }
  for (Sequence* sequence : sequences) {
    sequence->output_.token.id = -1;
    sequence->output_.text.clear();
    sequence->output_.forced.clear();
  }
  ClearBatch();
  return OkStatus();
}

void Engine::Plan(std::span<Sequence* const> sequences, int max_rows, StepStats* stats) {
  const auto rows_left = [&] { return max_rows - static_cast<int>(tokens_.size()); };
  for (const bool decoding : {true, false}) {
    for (Sequence* sequence : sequences) {
      if (rows_left() == 0) return;
      const int n_pending = sequence->n_pending();
      if (!sequence->active() || (n_pending == 1) != decoding) continue;
      int n_rows = std::min(n_pending, rows_left());
      // The last row of a prompt needs a row of logits.
      if (n_rows == n_pending && static_cast<int>(output_rows_.size()) == max_outputs_) --n_rows;
      if (n_rows > 0) AddRows(*sequence, n_rows, stats);
    }
  }
}

void Engine::AddRows(Sequence& sequence, int n_rows, StepStats* stats) {
  const int first = sequence.n_computed();
  const Status status = sequence.kv_.Extend(n_rows);
  if (!status.ok()) {
    sequence.Finish(StopReason::kError, status);
    ++stats->n_failed;
    return;
  }
  AddSpan(sequence.kv_, sequence.tokens().subspan(first, n_rows));
  planned_.push_back({&sequence, sequence.n_pending() == 0});
  if (planned_.back().gets_token) output_rows_.push_back(static_cast<int>(tokens_.size()) - 1);
}

void Engine::AddSpan(const KvSequence& kv, std::span<const int32_t> tokens) {
  const int n_rows = static_cast<int>(tokens.size());
  const int first_position = kv.n_tokens() - n_rows;
  spans_.push_back({kv.page_data(), static_cast<int32_t>(tokens_.size()), n_rows, first_position});
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  for (int i = 0; i < n_rows; ++i) positions_.push_back(first_position + i);
}

void Engine::ClearBatch() {
  tokens_.clear();
  positions_.clear();
  output_rows_.clear();
  spans_.clear();
  planned_.clear();
}

Status Engine::Forward(const Tensor& logits) {
  const Batch batch = {tokens_, positions_, {pool_->layout(), spans_}, output_rows_};
  return model_.Forward(batch, logits);
}

Status Engine::ForEachLogits(std::span<const int32_t> tokens, int first,
                             FunctionRef<Status(int position, const Tensor& logits)> function) {
  const int n_tokens = static_cast<int>(tokens.size());
  const int vocab_size = model_.config().vocab_size;
  if (n_tokens < 1 || first < 0 || first >= n_tokens) {
    return Error(StatusCode::kInvalidArgument, "logits from position ", first, " of ", n_tokens,
                 " tokens");
  }
  for (int32_t token : tokens) {
    if (token < 0 || token >= vocab_size) {
      return Error(StatusCode::kInvalidArgument, "token ", token,
                   " is not of the vocabulary, which has ids 0 to ", vocab_size - 1);
    }
  }
  const int max_rows = model_.max_batch_tokens();
  const int max_outputs = std::min({kLogitsRows, model_.max_output_rows(), max_rows});
  AUTOGLM_ASSIGN_OR_RETURN(
      const Buffer buffer,
      Buffer::Allocate(size_t(max_outputs) * vocab_size * sizeof(float), "logits"));
  KvSequence kv(*pool_, n_tokens);
  while (kv.n_tokens() < n_tokens) {
    const int begin = kv.n_tokens();
    const int n_rows =
        begin < first ? std::min(first - begin, max_rows) : std::min(n_tokens - begin, max_outputs);
    AUTOGLM_RETURN_IF_ERROR(kv.Extend(n_rows));
    ClearBatch();
    AddSpan(kv, tokens.subspan(begin, n_rows));
    for (int i = 0; i < n_rows && begin >= first; ++i) output_rows_.push_back(i);
    const Tensor logits = buffer.View(
        DType::kF32, Shape{static_cast<int64_t>(output_rows_.size()), int64_t{vocab_size}});
    AUTOGLM_RETURN_IF_ERROR(Forward(logits));
    if (begin >= first) AUTOGLM_RETURN_IF_ERROR(function(begin, logits));
  }
  return OkStatus();
}

}  // namespace autoglm

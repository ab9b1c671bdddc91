// Engine: moves sequences forward, one bounded step at a time. Whoever calls Step decides between
// steps who is next, how much, and whether to go on; nothing of that is known here.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "base/function_ref.h"
#include "base/status.h"
#include "engine/prefix_cache.h"
#include "engine/sequence.h"
#include "model/kv_cache.h"
#include "model/language_model.h"
#include "platform/clock.h"
#include "sampling/grammar/grammar.h"
#include "tensor/buffer.h"
#include "text/tokenizer.h"

namespace autoglm {

struct EngineOptions {
  DType kv_dtype = DType::kF16;  ///< kF32, kF16 or kQ8_0
  int n_kv_pages = 128;          ///< of KvLayout::kPageTokens tokens, shared by all sequences
  int max_sequences = 1;         ///< the most that get logits in one step
  bool prefix_cache = false;     ///< keep pages for later prompts that begin alike
};

/// What one step may cost.
struct StepLimits {
  int max_tokens = 512;  ///< rows of the batch, above 0; the model's own limit holds too
};

/// What one step did.
struct StepStats {
  int n_tokens = 0;     ///< rows computed
  int n_sequences = 0;  ///< sequences that had rows
  int n_chosen = 0;     ///< sequences that got a token
  int n_failed = 0;     ///< sequences that ended with StopReason::kError in this step
  int64_t forward_ns = 0;
  int64_t total_ns = 0;
};

/// One thread at a time, together with its sequences.
class Engine {
 public:
  /// `tokenizer` may be null: then there are no texts, stop strings and ends of generation. All
  /// arguments outlive the engine. kInvalidArgument (the model cannot have this cache type, or
  /// numbers below 1), kResourceExhausted.
  static Result<std::unique_ptr<Engine>> Create(LanguageModel& model, Backend& backend,
                                                const Tokenizer* tokenizer, const Clock& clock,
                                                const EngineOptions& options);

  /// A sequence of at most `max_tokens` (at least 2). It holds no page until it is stepped.
  std::unique_ptr<Sequence> NewSequence(int max_tokens) const;

  /// For SequenceOptions::grammar of this engine's sequences. Any thread may call it, at any time;
  /// it takes milliseconds, the first call up to some tenths of a second. As Grammar::Compile; also
  /// kFailedPrecondition: no tokenizer.
  Result<std::shared_ptr<const Grammar>> CompileGrammar(const GrammarSpec& spec) const;

  /// One forward pass: a row for each sequence that lacks one token, then, for those that lack
  /// more, chunks of what is left, both in the order given and at most limits.max_tokens rows in
  /// all; whoever finds no room waits for a later step. A sequence of which everything is computed
  /// then gets its next token. Sequences that are not active() are passed over.
  ///
  /// A sequence that fails (no free page, logits that are not numbers) ends with kError and does
  /// not disturb the others. Step itself fails, and changes no sequence, when it is called wrongly
  /// (kInvalidArgument) or when the forward pass fails. In a step without new text of unusual
  /// length nothing is allocated.
  Result<StepStats> Step(std::span<Sequence* const> sequences, const StepLimits& limits);

  /// Logits of every position from `first` on, a few rows at a time: function(position of row 0,
  /// logits F32 [n, vocab_size]), which may overwrite them; its error ends the run. Takes pages for
  /// `tokens` and gives them back. kInvalidArgument, kResourceExhausted.
  Status ForEachLogits(std::span<const int32_t> tokens, int first,
                       FunctionRef<Status(int position, const Tensor& logits)> function);

  const KvPagePool& pool() const { return *pool_; }
  PrefixCache* prefix_cache() const { return prefix_cache_.get(); }  ///< null without one
  LanguageModel& model() const { return model_; }
  const Tokenizer* tokenizer() const { return tokenizer_; }
  /// Bytes of cache and logits that an engine of these options takes.
  static int64_t MemoryBytes(const KvLayout& layout, int vocab_size, const EngineOptions& options);

 private:
  struct Planned {
    Sequence* sequence;
    bool gets_token;
  };

  Engine(LanguageModel& model, const Tokenizer* tokenizer, const Clock& clock,
         const EngineOptions& options, std::unique_ptr<KvPagePool> pool, Buffer logits);

  Status BeginStep(std::span<Sequence* const> sequences, const StepLimits& limits);
  void Plan(std::span<Sequence* const> sequences, int max_rows, StepStats* stats);
  void AddRows(Sequence& sequence, int n_rows, StepStats* stats);
  void AddSpan(const KvSequence& kv, std::span<const int32_t> tokens);
  void ClearBatch();
  Status Forward(const Tensor& logits);

  LanguageModel& model_;
  const Tokenizer* tokenizer_;
  const Clock& clock_;
  std::unique_ptr<KvPagePool> pool_;
  std::unique_ptr<PrefixCache> prefix_cache_;
  int max_outputs_;
  Buffer logits_;  ///< F32 [max_outputs_, vocab_size]
  uint64_t n_steps_ = 0;
  mutable std::mutex grammar_mutex_;                                     ///< of grammar_vocabulary_
  mutable std::shared_ptr<const GrammarVocabulary> grammar_vocabulary_;  ///< made when first needed

  // The batch being made; capacities are taken once.
  std::vector<int32_t> tokens_;       ///< [n_rows]
  std::vector<int32_t> positions_;    ///< [n_rows]
  std::vector<int32_t> output_rows_;  ///< [n_outputs]
  std::vector<KvSpan> spans_;         ///< one for each of planned_
  std::vector<Planned> planned_;
};

}  // namespace autoglm

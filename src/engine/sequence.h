// Sequence: one text being read and written: its tokens, its cache pages, how the next token is
// chosen and when to stop. Engine::Step moves it forward.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "autoglm/generation.h"
#include "base/status.h"
#include "engine/prefix_cache.h"
#include "engine/sequence_state.h"
#include "engine/stop_matcher.h"
#include "model/kv_cache.h"
#include "platform/clock.h"
#include "sampling/grammar/grammar_constraint.h"
#include "sampling/sampler.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"

namespace autoglm {

struct SequenceOptions {
  static constexpr int kNoLimit = -1;

  SamplingParams sampling = {};
  int max_new_tokens = kNoLimit;       ///< kNoLimit, or above 0
  std::vector<std::string> stop = {};  ///< texts that end the answer and are not shown
  bool ignore_eos = false;             ///< go on after a token that ends an answer
  bool keep_special = false;           ///< show control tokens in the text
  std::vector<int32_t> shown_special =
      {};               ///< control tokens to show without that: a parser's marks
  int n_logprobs = -1;  ///< -1: none; n: of the token, and of the n likeliest
  ContextPolicy context_policy = ContextPolicy::kStop;
  int n_keep = 0;  ///< kDropOldest: tokens at the start that are never dropped
  /// Whose texts it may share pages with, where the engine has a prefix cache.
  uint64_t prefix_domain = PrefixCache::kNoDomain;

  /// What the answer must match (Engine::CompileGrammar), or null. It ends the answer, with
  /// kEndOfGeneration, where nothing else may follow; the end of generation is not ignored then.
  ///
  /// Text that the grammar forces is written as the tokenizer would write it, and costs no choice.
  std::shared_ptr<const Grammar> grammar = nullptr;
  /// Append forced tokens in one step, which are then computed together. Without, or where
  /// n_logprobs asks for every token's logits, each is computed by itself: the same text, slower.
  bool jump_ahead = true;
};

/// What the last step (or Cancel) added: a token, and those that a grammar forces behind it.
struct StepOutput {
  SampledToken token;           ///< id -1: none was chosen; logprobs only where asked for
  std::vector<int32_t> forced;  ///< behind it; their text is in `text`, too
  std::string text;  ///< what became showable: whole UTF-8 characters, no part of a stop string
};

/// In nanoseconds of the engine's clock.
struct SequenceTimings {
  int64_t start_ns = 0;        ///< Start was called
  int64_t first_token_ns = 0;  ///< the first token was chosen; 0 before
  int64_t last_token_ns = 0;   ///< the latest token was chosen
};

/// Made by Engine::NewSequence, which must outlive it. One thread at a time, between steps.
///
/// Prompt and answer together have at most max_tokens() tokens. With kDropOldest, a full context
/// keeps its first n_keep tokens and the newest half of the rest, and those are computed again at
/// their new positions. Shifting the rotated keys in the cache would cost less but is not what the
/// model computes for the shortened text (deeper layers' keys still carry the dropped tokens, and a
/// quantized cache would round again); recomputing is exact and the same for every architecture.
class Sequence {
 public:
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;

  /// Begins an answer to `prompt` (ids; not empty). What is already computed of the longest common
  /// prefix with the present tokens, or with a text of the prefix cache, is kept. Nothing has
  /// changed if this fails: kInvalidArgument (no tokens, an id outside the vocabulary), kOutOfRange
  /// (an option), kResourceExhausted (kStop, and the prompt leaves no room for an answer). With
  /// kDropOldest a prompt that is too long loses its oldest tokens behind n_keep at once.
  Status Start(std::span<const int32_t> prompt, const SequenceOptions& options);

  /// A copy in the same state, which shares the computed pages until either writes. Its pages count
  /// against the same pool. Reseed, or Start with other options, makes it take another way.
  std::unique_ptr<Sequence> Fork() const;
  void Reseed(uint64_t seed);

  /// Its tokens and full pages as they are now.
  SequenceSnapshot Snapshot() const;
  /// Takes the state's place: a Start with a prompt that begins like it computes the rest only. For
  /// a sequence without an answer under way. Nothing has changed if this fails: kInvalidArgument
  /// (a cache of another layout, ids outside the vocabulary, more tokens than max_tokens()),
  /// kResourceExhausted (pages), kFailedPrecondition (it is active).
  Status Restore(const SequenceState& state);
  /// Lets the prefix cache, where there is one, know all that is computed as a text of `domain`.
  void ShareWith(uint64_t domain) const;

  /// Ends the answer (kCancelled); what was held back comes as output().text. Without one under
  /// way, nothing happens.
  void Cancel();

  /// Gives the cache pages back, so that the next step computes every token again: to make room for
  /// others without losing the text.
  void DropCache() { kv_.Truncate(0); }

  /// An answer has been started and has not ended.
  bool active() const { return started_ && stop_reason_ == StopReason::kNone; }
  StopReason stop_reason() const { return stop_reason_; }
  /// Why, where stop_reason() is kError or kContextFull; else OK.
  const Status& status() const { return status_; }

  const StepOutput& output() const { return output_; }

  /// Prompt and answer so far, less what kDropOldest has dropped. The last one chosen is not yet
  /// computed.
  std::span<const int32_t> tokens() const { return tokens_; }
  int n_computed() const { return kv_.n_tokens(); }
  int n_pending() const { return static_cast<int>(tokens_.size()) - kv_.n_tokens(); }
  int max_tokens() const { return kv_.max_tokens(); }
  int n_prompt() const { return n_prompt_; }        ///< tokens given to Start
  int n_cached() const { return n_cached_; }        ///< of them, those computed before
  int n_generated() const { return n_generated_; }  ///< tokens chosen since Start
  int n_jumped() const { return n_jumped_; }        ///< of them, those that took no step
  const SequenceTimings& timings() const { return timings_; }

 private:
  friend class Engine;

  Sequence(KvPagePool& pool, PrefixCache* prefix_cache, int max_tokens, const Tokenizer* tokenizer,
           int vocab_size, const Clock& clock);

  Status CheckStart(std::span<const int32_t> prompt, const SequenceOptions& options) const;
  /// Chooses the next token from `logits` [vocab_size], which are used up.
  void Choose(std::span<float> logits);
  /// Writes the next token to output_.token.
  Status ChooseToken(std::span<float> logits);
  /// False where the answer has ended.
  bool Append(int32_t id);
  /// Makes forced_, where the grammar forces something; false where it does not.
  bool PlanForced();
  /// The grammar is complete.
  void FinishGrammar();
  /// False where the text has come to a stop string.
  bool AppendText(int32_t id);
  void Finish(StopReason reason, Status status = OkStatus());
  /// How many of `n` tokens stay behind the kept prefix when the context is full.
  int NumTailTokens() const { return (max_tokens() - options_.n_keep) / 2; }
  void DropOldest();
  /// Takes over what is known of `prompt` beyond the first `n_own` tokens; the number known.
  int AdoptPrefix(std::span<const int32_t> prompt, int n_own);

  KvPagePool* pool_;
  PrefixCache* prefix_cache_;   ///< null: none
  const Tokenizer* tokenizer_;  ///< null: no text
  const Clock* clock_;
  int vocab_size_;

  KvSequence kv_;
  std::vector<int32_t> tokens_;  ///< capacity max_tokens()
  SequenceOptions options_;
  std::optional<Sampler> sampler_;
  std::optional<StreamDecoder> decoder_;
  std::optional<StopMatcher> stop_matcher_;     ///< none without stop strings
  const GrammarConstraint* grammar_ = nullptr;  ///< of sampler_; null: none
  std::vector<int32_t> forced_;                 ///< tokens to come, the next one last

  bool started_ = false;
  StopReason stop_reason_ = StopReason::kNone;
  Status status_;
  StepOutput output_;
  int n_prompt_ = 0;
  int n_cached_ = 0;
  int n_generated_ = 0;
  int n_jumped_ = 0;
  SequenceTimings timings_;
  uint64_t last_step_ = 0;  ///< the number of the last step it was in
};

}  // namespace autoglm

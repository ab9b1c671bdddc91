// Grammar: rules compiled for one vocabulary, and GrammarMatcher: a text on its way through them.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/status.h"
#include "sampling/grammar/automaton.h"
#include "sampling/grammar/grammar_vocabulary.h"
#include "sampling/grammar/mask_maker.h"
#include "sampling/grammar/stack_store.h"
#include "sampling/grammar/token_mask.h"

namespace autoglm {

struct GrammarLimits {
  int max_nesting = 512;               ///< rules within rules; deeper texts are not permitted
  int64_t max_work = 40'000'000;       ///< states visited in one call, some tenths of a second
  size_t max_stack_bytes = 24u << 20;  ///< of stacks and what follows them
  size_t max_mask_bytes = 24u << 20;   ///< of masks
};

/// What texts may be, for one vocabulary. Threads may share it; matchers of it wait for each other
/// where they compute.
class Grammar {
 public:
  /// As BuildAutomaton. `vocabulary` may be null: then texts can be matched, and no tokens.
  static Result<std::shared_ptr<const Grammar>> Compile(
      const GrammarSpec& spec, std::shared_ptr<const GrammarVocabulary> vocabulary,
      const GrammarLimits& limits = {});

  const GrammarVocabulary* vocabulary() const { return vocabulary_.get(); }
  const Automaton& automaton() const { return automaton_; }
  /// Memory that is kept to be fast.
  size_t cache_bytes() const;

 private:
  friend class GrammarMatcher;

  Grammar(Automaton automaton, std::shared_ptr<const GrammarVocabulary> vocabulary,
          const GrammarLimits& limits);

  // The caller holds mutex_.
  const TokenMask& MaskOf(StackStore::Id config) const;
  void TrimCaches() const;

  Automaton automaton_;
  std::shared_ptr<const GrammarVocabulary> vocabulary_;
  GrammarLimits limits_;

  mutable std::mutex mutex_;
  /// Replaced by an empty one when it is full: matchers then bring their configuration along.
  mutable std::shared_ptr<StackStore> store_;
  mutable std::unique_ptr<MaskMaker> mask_maker_;
  /// By configuration of store_. When the young are many, they become the old.
  mutable std::unordered_map<StackStore::Id, TokenMask> young_masks_, old_masks_;
  mutable size_t young_bytes_ = 0, old_bytes_ = 0;
  mutable TokenMask unkept_mask_;
};

/// One text. Copies go on independently. One thread at a time.
class GrammarMatcher {
 public:
  explicit GrammarMatcher(std::shared_ptr<const Grammar> grammar);

  /// Makes the logits [vocabulary size or more] of all tokens that may not come next -infinity.
  /// kResourceExhausted: the grammar is too ambiguous here. Then, and after a refused Accept, no
  /// token may.
  Status MaskLogits(std::span<float> logits) const;
  /// Whether `id` may come next; found from its bytes, without a mask.
  bool Allows(int32_t id) const;
  /// `id` comes. kInvalidArgument: it may not.
  Status Accept(int32_t id);
  /// Reads bytes of text. Returns how many of them may come; those are read, and the first that
  /// may not is refused: nothing may follow.
  size_t AcceptText(std::string_view text);

  /// The text may end here.
  bool CanEnd() const;
  /// Nothing but the end may follow.
  bool IsComplete() const;
  /// The bytes that must come next, at most `max_bytes`; a control token as ControlTokenPath. They
  /// end where the text may end or go on in two ways.
  std::string Forced(size_t max_bytes) const;
  /// Whether some token longer than `bytes`, but beginning with them, may come next. All of `bytes`
  /// may come next.
  bool MayOverrun(std::string_view bytes) const;
  /// A token that ends the text was accepted.
  bool ended() const { return ended_; }
  const Grammar& grammar() const { return *grammar_; }

 private:
  /// Locks, and brings the configuration into the present store.
  std::unique_lock<std::mutex> Begin() const;

  std::shared_ptr<const Grammar> grammar_;
  mutable std::shared_ptr<StackStore> store_;
  mutable StackStore::Id config_ = StackStore::kNone;
  bool ended_ = false;
};

}  // namespace autoglm

// MaskMaker: the tokens that a configuration of an automaton permits.
//
// Most tokens are decided by the state on top of a stack alone: whether a string's inside permits
// them does not depend on where the string stands. For a state that permits much, those are found
// once; the others, which go on behind the end of its rule, are kept as the trie of what comes
// behind it and are tried anew for each stack. (Dong et al. 2024, "XGrammar", divides the
// vocabulary in this way.) What permits little is found by walking the vocabulary's trie, which
// ends soon.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "sampling/grammar/grammar_vocabulary.h"
#include "sampling/grammar/stack_store.h"
#include "sampling/grammar/token_mask.h"

namespace autoglm {

/// Not thread-safe.
class MaskMaker {
 public:
  /// Both must outlive this.
  MaskMaker(const Automaton& automaton, const GrammarVocabulary& vocabulary);

  /// Adds to `mask` every token whose bytes `config` permits, and the ends where it has the empty
  /// stack. Not all where store.work_is_used_up() then.
  void Make(StackStore* store, StackStore::Id config, TokenMask* mask);

  /// Finds what is kept for the first states that permit much, at most `max_states` of them.
  void Prepare(StackStore* store, int max_states);

  /// Of what is kept for states.
  size_t bytes() const { return bytes_; }
  void Forget() { states_.clear(), bytes_ = 0; }

 private:
  /// What is known of a state on top of any stack.
  struct StateMask {
    bool composable = false;  ///< else too much comes behind its rule
    TokenMask inside;         ///< permitted whatever is below
    TokenTrie behind;         ///< of other tokens: the bytes behind the rule's end
  };

  const StateMask* MaskOfState(StackStore* store, uint32_t state);
  StateMask MakeStateMask(StackStore* store, uint32_t state);
  /// The classes of bytes (ByteSummary) that all lead from a configuration to the same one.
  struct Run {
    uint64_t classes = 0;
    StackStore::Id next = StackStore::kNone;
  };
  using Runs = std::unordered_map<StackStore::Id, Run>;

  const Run& RunFrom(StackStore::Id config, StackStore* store, Runs* runs);
  /// Whether `config` permits all that is below `node`. With `never_ends`: and no configuration on
  /// the way has the empty stack.
  bool PermitsAll(const TokenTrie& trie, uint32_t node, StackStore::Id config, bool never_ends,
                  StackStore* store, Runs* runs);
  template <typename OnTokens, typename OnEnd>
  void Walk(const TokenTrie& trie, StackStore* store, StackStore::Id config, OnTokens on_tokens,
            OnEnd on_end, bool seeks_ends);
  void AddPermitted(const TokenTrie& trie, StackStore* store, StackStore::Id config,
                    TokenMask* mask);

  const Automaton& automaton_;
  const GrammarVocabulary& vocabulary_;
  std::vector<bool> is_wide_;  ///< [states] reads many different bytes
  std::unordered_map<uint32_t, StateMask> states_;
  size_t bytes_ = 0;
  std::vector<StackStore::Id> walk_;  ///< [depth + 1] configurations along the path
};

}  // namespace autoglm

// MaskMaker: the tokens that a configuration of an automaton permits.
//
// Most tokens are decided by the state on top of a stack alone: whether a string's inside permits
// them does not depend on where the string stands. For a state that permits much, those are found
// once; the others, which go on behind the end of its rule, are kept as the trie of what comes
// behind it and are tried anew for each stack. (Dong et al. 2024, "XGrammar", divides the
// vocabulary in this way.) What permits little is found by walking the vocabulary's tries, which
// ends soon. Plain tokens are decided together where only their length counts.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
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
  size_t bytes() const { return bytes_ + runs_.size() * sizeof(Run) + run_of_config_.size() * 4; }
  void Forget() { states_.clear(), ForgetConfigurations(), bytes_ = 0; }
  /// To be called before another store is used.
  void ForgetConfigurations() { runs_.clear(), run_of_config_.clear(); }

 private:
  /// What is known of a state on top of any stack.
  struct StateMask {
    bool composable = false;  ///< else too much comes behind its rule
    TokenMask inside;         ///< permitted whatever is below
    TokenTrie behind;         ///< of other tokens: the bytes behind the rule's end
  };

  const StateMask* MaskOfState(StackStore* store, uint32_t state);
  StateMask MakeStateMask(StackStore* store, uint32_t state);
  /// Of a configuration, in classes of bytes (ByteSummary).
  struct Run {
    uint64_t some = 0;  ///< no other byte may come next
    uint64_t all = 0;   ///< all of them lead to `next`
    StackStore::Id next = StackStore::kNone;
  };
  static constexpr uint32_t kNoRun = UINT32_MAX;

  Run MakeRun(StackStore::Id config, StackStore* store);
  const Run& RunFrom(StackStore::Id config, StackStore* store);
  /// Whether `config` (before the character that `node` begins, if it does) permits all that is
  /// below `node`. False also where that would take long to find out.
  bool PermitsAll(const TokenTrie::Node& node, StackStore::Id config, StackStore* store);
  /// The number of characters up to which `config` permits plain tokens, and no longer ones; or -1,
  /// if other things count. With `seeks_ends` -1 too where the stack may be empty on the way.
  int PlainLimit(StackStore::Id config, StackStore* store, bool seeks_ends);
  template <typename OnTokens, typename OnEnd>
  void Walk(const TokenTrie& trie, StackStore* store, StackStore::Id config, OnTokens on_tokens,
            OnEnd on_end, bool seeks_ends);
  void AddPermitted(const TokenTrie& trie, StackStore* store, StackStore::Id config,
                    TokenMask* mask);
  void AddPlain(StackStore* store, StackStore::Id config, TokenMask* mask);
  template <typename OnEnd>
  TokenMask PlainInside(StackStore* store, StackStore::Id config, OnEnd on_end);
  bool AddBehind(const TokenTrie& trie, std::span<const uint32_t> ends, const TokenMask& inside,
                 std::vector<std::pair<std::string_view, int32_t>>* behind) const;

  const Automaton& automaton_;
  const GrammarVocabulary& vocabulary_;
  std::vector<bool> is_wide_;               ///< [states] reads many different bytes
  std::vector<uint64_t> classes_of_state_;  ///< [states] of the bytes that it reads
  std::unordered_map<uint32_t, StateMask> states_;
  size_t bytes_ = 0;
  std::vector<Run> runs_;
  std::vector<uint32_t> run_of_config_;  ///< [configurations of the store] of runs_, or kNoRun
  std::vector<StackStore::Id> walk_;     ///< [depth + 1] configurations along the path
};

}  // namespace autoglm

// StackStore: sets of stacks of an automaton's states, each distinct set held once. A set is a trie
// from the top of the stacks down, its equal parts shared, so that a grammar with many ways to read
// the same text needs space for the parts and not for their combinations.
// Source: the graph-structured stack of Tomita 1987, "An Efficient Augmented-Context-Free Parsing
// Algorithm", made immutable.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "sampling/grammar/automaton.h"

namespace autoglm {

/// Sets of stacks are numbers, equal if and only if the sets are. A configuration is a set whose
/// stacks have a kBytes state on top, or are empty: the text may end here. Not thread-safe.
class StackStore {
 public:
  using Id = uint32_t;
  static constexpr Id kNone = 0;        ///< no stack: what was read does not match
  static constexpr Id kEmptyStack = 1;  ///< the empty stack alone

  struct Entry {
    uint32_t state;  ///< on top
    Id below;
    bool operator==(const Entry&) const = default;
  };

  /// `automaton` must outlive this. Stacks deeper than `max_depth` are left out.
  StackStore(const Automaton& automaton, int max_depth);

  /// The configuration in which a text begins.
  Id Start();
  /// The configuration of `state` (kBytes) on an empty stack.
  Id Of(uint32_t state) { return Intern({{state, kEmptyStack}}, false); }
  /// The part of `config` of the given entries.
  Id Only(std::span<const Entry> entries) {
    return Intern({entries.begin(), entries.end()}, false);
  }
  /// The configuration after `config` and one byte. kNone also where the work is used up.
  Id Next(Id config, uint8_t byte) {
    const uint32_t row = nodes_[config].row;
    if (row != kNoRow) {
      const Id next = rows_[row + automaton_->class_of_byte[byte]];
      if (next != kUnknown) return next;
    }
    return ComputeNext(config, byte);
  }
  /// The configuration after returning to the states on top of `stacks`.
  Id Return(Id stacks);

  /// By ascending state.
  std::span<const Entry> entries(Id id) const {
    return {entries_.data() + nodes_[id].first, nodes_[id].n};
  }
  /// The empty stack is in the set.
  bool has_empty(Id id) const { return nodes_[id].has_empty; }

  /// The same set in this store; `other` is of the same automaton.
  Id Import(const StackStore& other, Id id);

  /// Work is counted in states visited. Once it is used up every answer is kNone, and nothing of it
  /// is kept.
  void GrantWork(int64_t work) { work_left_ = work; }
  bool work_is_used_up() const { return work_left_ <= 0; }
  size_t bytes() const;
  const Automaton& automaton() const { return *automaton_; }

 private:
  static constexpr uint32_t kNoRow = UINT32_MAX;
  static constexpr Id kUnknown = UINT32_MAX;

  struct Node {
    uint32_t first = 0;  ///< of entries_
    uint32_t n = 0;
    uint32_t hash = 0;
    uint32_t row = kNoRow;  ///< of rows_: [n_classes] the configurations that follow
    uint16_t depth = 0;     ///< of the deepest stack
    bool has_empty = false;
  };

  Id Intern(const std::vector<Entry>& entries, bool has_empty);
  Id Union(Id a, Id b);
  Id ComputeNext(Id config, uint8_t byte);
  void Visit(uint32_t state, Id below);
  Id FinishClosure();
  Id ImportNode(const StackStore& other, Id id, std::unordered_map<Id, Id>* imported);
  void GrowTable();

  const Automaton* automaton_;
  int max_depth_;
  int64_t work_left_ = INT64_MAX;
  std::vector<Node> nodes_;
  std::vector<Entry> entries_;
  std::vector<Id> rows_;
  std::vector<Id> table_;  ///< open addressing by hash; 0: free
  std::unordered_map<uint64_t, Id> unions_;

  // The closure being computed.
  std::vector<Entry> pending_;
  std::vector<Id> reached_;        ///< [states] the stacks under it so far
  std::vector<uint32_t> touched_;  ///< states with reached_ != kNone
  bool reached_end_ = false;
};

}  // namespace autoglm

#include "sampling/grammar/stack_store.h"

#include <algorithm>
#include <utility>

namespace autoglm {
namespace {

using Kind = Automaton::Kind;

uint64_t Mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 29);
}

}  // namespace

StackStore::StackStore(const Automaton& automaton, int max_depth)
    : automaton_(&automaton), max_depth_(max_depth), table_(64, kNone) {
  reached_.resize(automaton.states.size(), kNone);
  nodes_.resize(2);
  nodes_[kEmptyStack].has_empty = true;
}

size_t StackStore::bytes() const {
  constexpr size_t kUnionBytes = 40;
  return nodes_.size() * sizeof(Node) + entries_.size() * sizeof(Entry) +
         (rows_.size() + table_.size()) * sizeof(Id) + unions_.size() * kUnionBytes;
}

StackStore::Id StackStore::Intern(const std::vector<Entry>& entries, bool has_empty) {
  if (entries.empty()) return has_empty ? kEmptyStack : kNone;
  uint64_t mixed = has_empty;
  for (const Entry& entry : entries) mixed = Mix(mixed, uint64_t{entry.state} << 32 | entry.below);
  const auto hash = static_cast<uint32_t>(mixed);
  size_t slot = hash & (table_.size() - 1);
  for (; table_[slot] != kNone; slot = (slot + 1) & (table_.size() - 1)) {
    const Node& node = nodes_[table_[slot]];
    if (node.hash == hash && node.has_empty == has_empty && node.n == entries.size() &&
        std::equal(entries.begin(), entries.end(), entries_.begin() + node.first)) {
      return table_[slot];
    }
  }
  Node node{.first = static_cast<uint32_t>(entries_.size()),
            .n = static_cast<uint32_t>(entries.size()),
            .hash = hash,
            .has_empty = has_empty};
  for (const Entry& entry : entries) {
    node.depth = std::max<uint16_t>(node.depth, nodes_[entry.below].depth + 1);
  }
  entries_.insert(entries_.end(), entries.begin(), entries.end());
  const Id id = static_cast<Id>(nodes_.size());
  nodes_.push_back(node);
  table_[slot] = id;
  if (nodes_.size() * 2 > table_.size()) GrowTable();
  return id;
}

void StackStore::GrowTable() {
  table_.assign(table_.size() * 4, kNone);
  for (Id id = 2; id < nodes_.size(); ++id) {
    size_t slot = nodes_[id].hash & (table_.size() - 1);
    while (table_[slot] != kNone) slot = (slot + 1) & (table_.size() - 1);
    table_[slot] = id;
  }
}

StackStore::Id StackStore::Union(Id a, Id b) {
  if (a == b || b == kNone) return a;
  if (a == kNone) return b;
  if (a > b) std::swap(a, b);
  const uint64_t key = uint64_t{a} << 32 | b;
  if (const auto it = unions_.find(key); it != unions_.end()) return it->second;
  work_left_ -= nodes_[a].n + nodes_[b].n;
  if (work_left_ <= 0) return kNone;
  std::vector<Entry> merged;
  const bool has_empty = nodes_[a].has_empty || nodes_[b].has_empty;
  uint32_t i = 0, j = 0;
  while (i < nodes_[a].n || j < nodes_[b].n) {  // entries_ may move while they are united
    const bool has_i = i < nodes_[a].n, has_j = j < nodes_[b].n;
    const Entry left = has_i ? entries_[nodes_[a].first + i] : Entry{UINT32_MAX, kNone};
    const Entry right = has_j ? entries_[nodes_[b].first + j] : Entry{UINT32_MAX, kNone};
    const uint32_t state = std::min(left.state, right.state);
    Id below = kNone;
    if (left.state == state) below = left.below, ++i;
    if (right.state == state) below = Union(below, right.below), ++j;
    merged.push_back({state, below});
  }
  if (work_left_ <= 0) return kNone;
  const Id id = Intern(merged, has_empty);
  unions_.emplace(key, id);
  return id;
}

StackStore::Id StackStore::Start() {
  pending_.push_back({automaton_->start, kEmptyStack});
  return FinishClosure();
}

StackStore::Id StackStore::Return(Id stacks) {
  reached_end_ = has_empty(stacks);
  const std::span<const Entry> tops = entries(stacks);
  pending_.assign(tops.begin(), tops.end());
  return FinishClosure();
}

StackStore::Id StackStore::ComputeNext(Id config, uint8_t byte) {
  if (work_left_ <= 0) return kNone;
  for (const Entry& entry : entries(config)) {
    const Automaton::State& state = automaton_->states[entry.state];
    work_left_ -= 1 + state.n / 8;
    for (uint32_t i = 0; i < state.n; ++i) {
      const Automaton::Edge& edge = automaton_->edges[state.first + i];
      if (edge.low <= byte && byte <= edge.high) pending_.push_back({edge.next, entry.below});
    }
  }
  const Id next = FinishClosure();
  if (work_left_ <= 0) return kNone;
  if (nodes_[config].row == kNoRow) {
    nodes_[config].row = static_cast<uint32_t>(rows_.size());
    rows_.resize(rows_.size() + automaton_->n_classes, kUnknown);
  }
  rows_[nodes_[config].row + automaton_->class_of_byte[byte]] = next;
  return next;
}

// Follows what reads nothing from all of pending_, and makes a configuration of what is reached.
StackStore::Id StackStore::FinishClosure() {
  while (!pending_.empty()) {
    const Entry entry = pending_.back();
    pending_.pop_back();
    if (--work_left_ <= 0) pending_.clear();
    Visit(entry.state, entry.below);
  }
  std::vector<Entry> config;
  for (const uint32_t state : touched_) {
    if (automaton_->states[state].kind == Kind::kBytes) config.push_back({state, reached_[state]});
    reached_[state] = kNone;
  }
  touched_.clear();
  const bool has_empty = std::exchange(reached_end_, false);
  if (work_left_ <= 0) return kNone;
  std::sort(config.begin(), config.end(),
            [](const Entry& a, const Entry& b) { return a.state < b.state; });
  return Intern(config, has_empty);
}

void StackStore::Visit(uint32_t index, Id below) {
  const Id before = reached_[index];
  const Id together = Union(before, below);
  if (together == before) return;
  if (before == kNone) touched_.push_back(index);
  reached_[index] = together;
  const Automaton::State& state = automaton_->states[index];
  switch (state.kind) {
    case Kind::kBytes:
      return;
    case Kind::kSplit:
      for (uint32_t i = 0; i < state.n; ++i) {
        pending_.push_back({automaton_->targets[state.first + i], below});
      }
      return;
    case Kind::kCall:
      // A call at the end of a rule returns for both.
      if (automaton_->states[state.next].kind == Kind::kEnd) {
        pending_.push_back({state.first, below});
      } else if (nodes_[below].depth < max_depth_) {
        pending_.push_back({state.first, Intern({{state.next, below}}, false)});
      }
      return;
    case Kind::kEnd:
      reached_end_ |= has_empty(below);
      for (const Entry& entry : entries(below)) pending_.push_back(entry);
      return;
  }
}

StackStore::Id StackStore::Import(const StackStore& other, Id id) {
  std::unordered_map<Id, Id> imported;
  return ImportNode(other, id, &imported);
}

StackStore::Id StackStore::ImportNode(const StackStore& other, Id id,
                                      std::unordered_map<Id, Id>* imported) {
  if (id == kNone || id == kEmptyStack) return id;
  if (const auto it = imported->find(id); it != imported->end()) return it->second;
  std::vector<Entry> entries;
  for (const Entry& entry : other.entries(id)) {
    entries.push_back({entry.state, ImportNode(other, entry.below, imported)});
  }
  const Id copy = Intern(entries, other.has_empty(id));
  imported->emplace(id, copy);
  return copy;
}

}  // namespace autoglm

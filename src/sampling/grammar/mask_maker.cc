#include "sampling/grammar/mask_maker.h"

#include <algorithm>
#include <utility>

namespace autoglm {
namespace {

constexpr int kWideBytes = 32;
constexpr size_t kMaxComposed = 8;  // states of one configuration
// More tokens than these behind a rule, and composing would cost more than walking.
constexpr size_t kMaxBehind = 30'000;

}  // namespace

MaskMaker::MaskMaker(const Automaton& automaton, const GrammarVocabulary& vocabulary)
    : automaton_(automaton),
      vocabulary_(vocabulary),
      uses_similar_(vocabulary.trie().max_depth() <= Automaton::kSimilarBytes),
      walk_(vocabulary.trie().max_depth() + 1) {
  for (const Automaton::State& state : automaton.states) {
    int n_bytes = 0;
    for (uint32_t i = 0; state.kind == Automaton::Kind::kBytes && i < state.n; ++i) {
      const Automaton::Edge& edge = automaton.edges[state.first + i];
      n_bytes += edge.high - edge.low + 1;
    }
    is_wide_.push_back(n_bytes >= kWideBytes);
  }
}

// Calls on_node(index, configuration) for the root and every node that `config` permits.
template <typename OnNode>
void MaskMaker::Walk(const TokenTrie& trie, StackStore* store, StackStore::Id config,
                     OnNode on_node) {
  const std::span<const TokenTrie::Node> nodes = trie.nodes();
  const auto n = static_cast<uint32_t>(trie.n_nodes());
  walk_[0] = config;
  on_node(0u, config);
  for (uint32_t i = 1; i < n;) {
    const TokenTrie::Node& node = nodes[i];
    const StackStore::Id next = store->Next(walk_[node.depth - 1], node.byte);
    if (next == StackStore::kNone) {
      i = node.end;
      continue;
    }
    walk_[node.depth] = next;
    on_node(i, next);
    ++i;
  }
}

void MaskMaker::Make(StackStore* store, StackStore::Id config, TokenMask* mask) {
  const auto add = [&](const TokenTrie& trie) {
    return [&trie, mask](uint32_t i, StackStore::Id) {
      const uint32_t begin = trie.nodes()[i].first_token, end = trie.nodes()[i + 1].first_token;
      mask->Add(trie.tokens().subspan(begin, end - begin));
    };
  };
  const auto all = store->entries(config);
  const std::vector<StackStore::Entry> entries(all.begin(), all.end());  // the store may grow
  std::vector<StackStore::Entry> walked;
  std::vector<std::pair<const StateMask*, StackStore::Id>> composed;
  for (const StackStore::Entry& entry : entries) {
    const StateMask* state_mask = nullptr;
    if (IsWide(entry.state) && composed.size() < kMaxComposed) {
      state_mask = MaskOfState(store, entry.state);
    }
    if (state_mask != nullptr && state_mask->composable) {
      composed.emplace_back(state_mask, entry.below);
    } else {
      walked.push_back(entry);
    }
  }
  for (const auto& [state_mask, below] : composed) {
    mask->Add(state_mask->inside);
    const StackStore::Id returned = store->Return(below);
    if (returned == StackStore::kNone) continue;
    Walk(state_mask->behind, store, returned, add(state_mask->behind));
  }
  if (!walked.empty()) {
    Walk(vocabulary_.trie(), store, store->Only(walked), add(vocabulary_.trie()));
  }
  if (store->has_empty(config)) mask->Add(vocabulary_.end_tokens());
}

const MaskMaker::StateMask* MaskMaker::MaskOfState(StackStore* store, uint32_t state) {
  if (uses_similar_) state = automaton_.similar[state];
  const auto it = states_.find(state);
  if (it != states_.end()) return &it->second;
  StateMask made = MakeStateMask(store, state);
  if (store->work_is_used_up()) return nullptr;
  bytes_ += made.inside.bytes() + made.behind.bytes() + sizeof(StateMask);
  return &states_.emplace(state, std::move(made)).first->second;
}

MaskMaker::StateMask MaskMaker::MakeStateMask(StackStore* store, uint32_t state) {
  const TokenTrie& trie = vocabulary_.trie();
  StateMask made;
  made.inside = TokenMask(vocabulary_.size());
  std::vector<uint32_t> ends;  // trie nodes with which the state's rule may be complete
  const StackStore::Id start = store->Of(state);
  Walk(trie, store, start, [&](uint32_t i, StackStore::Id config) {
    if (store->has_empty(config)) ends.push_back(i);
    if (config == StackStore::kEmptyStack) return;  // nothing but its end
    const uint32_t begin = trie.nodes()[i].first_token;
    made.inside.Add(trie.tokens().subspan(begin, trie.nodes()[i + 1].first_token - begin));
  });
  std::vector<std::pair<std::string_view, int32_t>> behind;
  for (const uint32_t end : ends) {
    const TokenTrie::Node& node = trie.nodes()[end];
    const uint32_t last = trie.nodes()[node.end].first_token;
    for (uint32_t i = node.first_token; i < last; ++i) {
      const int32_t token = trie.tokens()[i];
      if (made.inside.Has(token)) continue;
      if (behind.size() == kMaxBehind) return {};
      behind.emplace_back(vocabulary_.path(token).substr(node.depth), token);
    }
  }
  made.behind = TokenTrie(std::move(behind));
  made.inside.Compact();
  made.composable = true;
  return made;
}

}  // namespace autoglm

#include "sampling/grammar/mask_maker.h"

#include <algorithm>
#include <array>
#include <utility>

namespace autoglm {
namespace {

constexpr int kWideBytes = 32;
constexpr size_t kMaxComposed = 8;  // states of one configuration
constexpr int kMaxRun = 24;         // characters; longer tokens are too few to be worth asking
// More tokens than these behind a rule, and composing would cost more than walking.
constexpr size_t kMaxBehind = 30'000;

// Whether every character beyond ASCII leads from `config` to `target`.
bool AllCharsLeadTo(StackStore::Id config, StackStore::Id target, StackStore* store) {
  struct Open {
    StackStore::Id config;
    uint8_t low, high;  // of the next byte
    int n_behind;       // bytes behind that one
    bool operator==(const Open&) const = default;
  };
  constexpr size_t kMaxOpen = 64;
  constexpr struct {
    uint8_t first, last, low, high;
    int n_behind;
  } kLeads[] = {{0xC2, 0xDF, 0x80, 0xBF, 0}, {0xE0, 0xE0, 0xA0, 0xBF, 1},
                {0xE1, 0xEC, 0x80, 0xBF, 1}, {0xED, 0xED, 0x80, 0x9F, 1},
                {0xEE, 0xEF, 0x80, 0xBF, 1}, {0xF0, 0xF0, 0x90, 0xBF, 2},
                {0xF1, 0xF3, 0x80, 0xBF, 2}, {0xF4, 0xF4, 0x80, 0x8F, 2}};
  std::vector<Open> open;
  const auto add = [&](const Open& next) {
    if (std::find(open.begin(), open.end(), next) == open.end()) open.push_back(next);
    return next.config != StackStore::kNone && open.size() <= kMaxOpen;
  };
  for (const auto& lead : kLeads) {
    for (int byte = lead.first; byte <= lead.last; ++byte) {
      const StackStore::Id next = store->Next(config, static_cast<uint8_t>(byte));
      if (!add({next, lead.low, lead.high, lead.n_behind})) return false;
    }
  }
  for (size_t i = 0; i < open.size(); ++i) {
    const Open at = open[i];
    for (int byte = at.low; byte <= at.high; ++byte) {
      const StackStore::Id next = store->Next(at.config, static_cast<uint8_t>(byte));
      if (at.n_behind == 0 ? next != target : !add({next, 0x80, 0xBF, at.n_behind - 1}))
        return false;
    }
  }
  return true;
}

}  // namespace

MaskMaker::MaskMaker(const Automaton& automaton, const GrammarVocabulary& vocabulary)
    : automaton_(automaton),
      vocabulary_(vocabulary),
      walk_(std::max({vocabulary.plain_trie().max_depth(), vocabulary.trie().max_depth(),
                      vocabulary.long_trie().max_depth()}) +
            1) {
  for (const Automaton::State& state : automaton.states) {
    int n_bytes = 0;
    uint64_t classes = 0;
    for (uint32_t i = 0; state.kind == Automaton::Kind::kBytes && i < state.n; ++i) {
      const Automaton::Edge& edge = automaton.edges[state.first + i];
      n_bytes += edge.high - edge.low + 1;
      for (int byte = edge.low; byte <= std::min<int>(edge.high, 0x7F); ++byte) {
        classes |= ByteSummary::Bit(ByteSummary::ClassOf(static_cast<uint8_t>(byte)));
      }
      if (edge.high >= 0x80) classes |= ByteSummary::Bit(ByteSummary::kBeyondAscii);
    }
    is_wide_.push_back(n_bytes >= kWideBytes);
    classes_of_state_.push_back(classes);
  }
}

MaskMaker::Run MaskMaker::MakeRun(StackStore::Id config, StackStore* store) {
  Run run;
  bool is_wide = false;
  for (const StackStore::Entry& entry : store->entries(config)) {
    run.some |= classes_of_state_[entry.state];
    is_wide |= is_wide_[entry.state];
  }
  if (!is_wide) return run;  // nothing that holds for many tokens
  constexpr StackStore::Id kSeveral = UINT32_MAX;
  std::array<StackStore::Id, 64> next{};
  std::array<bool, 64> is_seen{};
  for (int byte = 0; byte < 128; ++byte) {
    const int c = ByteSummary::ClassOf(static_cast<uint8_t>(byte));
    const StackStore::Id to = store->Next(config, static_cast<uint8_t>(byte));
    next[c] = !is_seen[c] || next[c] == to ? to : kSeveral;
    is_seen[c] = true;
  }
  for (int c = 0; c < 64; ++c) {
    if (next[c] == StackStore::kNone || next[c] == kSeveral) continue;
    if (run.next == StackStore::kNone) run.next = next[c];
    if (next[c] == run.next) run.all |= ByteSummary::Bit(c);
  }
  if (run.next != StackStore::kNone && AllCharsLeadTo(config, run.next, store)) {
    run.all |= ByteSummary::Bit(ByteSummary::kBeyondAscii);
  }
  return run;
}

const MaskMaker::Run& MaskMaker::RunFrom(StackStore::Id config, StackStore* store) {
  if (run_of_config_.size() <= config) run_of_config_.resize(config + config / 2 + 64, kNoRun);
  if (run_of_config_[config] == kNoRun) {
    run_of_config_[config] = static_cast<uint32_t>(runs_.size());
    runs_.push_back(MakeRun(config, store));
  }
  return runs_[run_of_config_[config]];
}

bool MaskMaker::PermitsAll(const TokenTrie::Node& node, StackStore::Id config, StackStore* store) {
  const bool begins_char = node.begins_char();
  const uint64_t summary =
      node.summary | (begins_char ? ByteSummary::Bit(ByteSummary::kBeyondAscii) : 0);
  const int n_chars = node.n_chars_below + (begins_char ? 1 : 0);
  for (int i = 0; i < n_chars; ++i) {
    if (i == kMaxRun) return false;
    const Run& run = RunFrom(config, store);
    if ((summary & ~run.all) != 0) return false;
    if (run.next == config) return true;
    config = run.next;
  }
  return true;
}

int MaskMaker::PlainLimit(StackStore::Id config, StackStore* store, bool seeks_ends) {
  const uint64_t plain = PlainTokens::classes();
  for (int n_chars = 0;; ++n_chars) {
    if (seeks_ends && store->has_empty(config)) return -1;
    if (n_chars == PlainTokens::kMaxChars) return n_chars;
    const Run& run = RunFrom(config, store);
    if ((run.some & plain) == 0) return n_chars;
    if ((run.all & plain) != plain) return -1;
    if (run.next == config) return PlainTokens::kMaxChars;
    config = run.next;
  }
}

// Calls on_tokens(tokens) for those that `config` permits, in order, and on_end(node) for nodes
// with which the stack may be empty. With `seeks_ends` for all below which not all is permitted;
// what needs the empty stack is then not given to on_tokens.
template <typename OnTokens, typename OnEnd>
void MaskMaker::Walk(const TokenTrie& trie, StackStore* store, StackStore::Id config,
                     OnTokens on_tokens, OnEnd on_end, bool seeks_ends) {
  constexpr uint32_t kWorthAsking = 4;  // tokens
  constexpr uint64_t kIllFormed = ByteSummary::Bit(ByteSummary::kIllFormed);
  const std::span<const TokenTrie::Node> nodes = trie.nodes();
  const auto n = static_cast<uint32_t>(trie.n_nodes());
  const auto visit = [&](uint32_t first_token, uint32_t end_token, StackStore::Id at) {
    if (seeks_ends && at == StackStore::kEmptyStack) return;
    on_tokens(trie.tokens().subspan(first_token, end_token - first_token));
  };
  if (store->has_empty(config)) on_end(0);
  walk_[0] = config;
  visit(0, nodes[1].first_token, config);
  for (uint32_t i = 1; i < n;) {
    const TokenTrie::Node& node = nodes[i];
    const StackStore::Id from = walk_[node.depth - 1];
    const StackStore::Id next = store->Next(from, node.byte);
    if (next == StackStore::kNone) {
      i = node.end;
      continue;
    }
    walk_[node.depth] = next;
    // Not along the way to a few long tokens.
    const uint32_t n_tokens = node.end_token - node.first_token;
    const bool asks =
        n_tokens > kWorthAsking && node.end - i < 8 * n_tokens && (node.summary & kIllFormed) == 0;
    if (asks && PermitsAll(node, node.begins_char() ? from : next, store)) {
      visit(node.first_token, node.end_token, next);
      i = node.end;
      continue;
    }
    if (store->has_empty(next)) on_end(i);
    visit(node.first_token, nodes[i + 1].first_token, next);
    const bool goes_on = !asks || node.begins_char() || (node.summary & RunFrom(next, store).some);
    i = goes_on ? i + 1 : node.end;
  }
}

void MaskMaker::AddPermitted(const TokenTrie& trie, StackStore* store, StackStore::Id config,
                             TokenMask* mask) {
  Walk(
      trie, store, config, [mask](std::span<const int32_t> tokens) { mask->Add(tokens); },
      [](uint32_t) {}, /*seeks_ends=*/false);
}

void MaskMaker::AddPlain(StackStore* store, StackStore::Id config, TokenMask* mask) {
  const int limit = PlainLimit(config, store, /*seeks_ends=*/false);
  if (limit >= 0) {
    mask->Add(vocabulary_.plain().UpTo(limit));
  } else {
    AddPermitted(vocabulary_.plain_trie(), store, config, mask);
  }
}

void MaskMaker::Make(StackStore* store, StackStore::Id config, TokenMask* mask) {
  const auto all = store->entries(config);
  const std::vector<StackStore::Entry> entries(all.begin(), all.end());  // the store may grow
  std::vector<StackStore::Entry> walked;
  std::vector<std::pair<const StateMask*, StackStore::Id>> composed;
  for (const StackStore::Entry& entry : entries) {
    const StateMask* state_mask = nullptr;
    if (is_wide_[entry.state] && composed.size() < kMaxComposed) {
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
    if (returned != StackStore::kNone) AddPermitted(state_mask->behind, store, returned, mask);
  }
  if (!walked.empty()) {
    const StackStore::Id only = store->Only(walked);
    AddPlain(store, only, mask);
    AddPermitted(vocabulary_.trie(), store, only, mask);
  }
  AddPermitted(vocabulary_.long_trie(), store, config, mask);
  if (store->has_empty(config)) mask->Add(vocabulary_.end_tokens());
  if (store->work_is_used_up()) ForgetConfigurations();  // the last may be wrong
}

void MaskMaker::Prepare(StackStore* store, int max_states) {
  for (uint32_t state = 0; state < is_wide_.size() && max_states > 0; ++state) {
    if (!is_wide_[state] || automaton_.similar[state] != state) continue;
    MaskOfState(store, state);
    --max_states;
  }
}

const MaskMaker::StateMask* MaskMaker::MaskOfState(StackStore* store, uint32_t state) {
  state = automaton_.similar[state];
  const auto it = states_.find(state);
  if (it != states_.end()) return &it->second;
  StateMask made = MakeStateMask(store, state);
  if (store->work_is_used_up()) return ForgetConfigurations(), nullptr;
  bytes_ += made.inside.bytes() + made.behind.bytes() + sizeof(StateMask);
  return &states_.emplace(state, std::move(made)).first->second;
}

// The plain tokens that `config` permits whatever is below it; on_end as for Walk.
template <typename OnEnd>
TokenMask MaskMaker::PlainInside(StackStore* store, StackStore::Id config, OnEnd on_end) {
  const PlainTokens& plain = vocabulary_.plain();
  const int limit = PlainLimit(config, store, /*seeks_ends=*/true);
  if (limit >= 0) return plain.UpTo(limit);
  // What is not permitted is taken away where that is less.
  const TokenTrie& trie = vocabulary_.plain_trie();
  std::vector<std::span<const int32_t>> runs;
  size_t n = 0;
  const auto add = [&](std::span<const int32_t> tokens) {
    n += tokens.size();
    if (runs.empty() || runs.back().data() + runs.back().size() != tokens.data()) {
      runs.push_back(tokens);
    } else {
      runs.back() = {runs.back().data(), runs.back().size() + tokens.size()};
    }
  };
  Walk(trie, store, config, add, on_end, /*seeks_ends=*/true);
  if (n <= trie.tokens().size() / 2) {
    TokenMask mask(vocabulary_.size());
    for (const auto& run : runs) mask.Add(run);
    return mask;
  }
  TokenMask mask = plain.UpTo(PlainTokens::kMaxChars);
  const int32_t* at = trie.tokens().data();
  for (const auto& run : runs) {
    mask.Remove({at, run.data()});
    at = run.data() + run.size();
  }
  mask.Remove({at, trie.tokens().data() + trie.tokens().size()});
  return mask;
}

// Adds what goes on behind `ends`, nodes of `trie`, but for what is `inside`. False: too much.
bool MaskMaker::AddBehind(const TokenTrie& trie, std::span<const uint32_t> ends,
                          const TokenMask& inside,
                          std::vector<std::pair<std::string_view, int32_t>>* behind) const {
  for (const uint32_t end : ends) {
    const TokenTrie::Node& node = trie.nodes()[end];
    for (uint32_t i = node.first_token; i < node.end_token; ++i) {
      const int32_t token = trie.tokens()[i];
      if (inside.Has(token)) continue;
      if (behind->size() == kMaxBehind) return false;
      behind->emplace_back(vocabulary_.path(token).substr(node.depth), token);
    }
  }
  return true;
}

MaskMaker::StateMask MaskMaker::MakeStateMask(StackStore* store, uint32_t state) {
  const StackStore::Id config = store->Of(state);
  std::vector<uint32_t> plain_ends, ends;  // nodes with which the state's rule may be complete
  StateMask made;
  made.inside =
      PlainInside(store, config, [&plain_ends](uint32_t node) { plain_ends.push_back(node); });
  Walk(
      vocabulary_.trie(), store, config,
      [&made](std::span<const int32_t> tokens) { made.inside.Add(tokens); },
      [&ends](uint32_t node) { ends.push_back(node); }, /*seeks_ends=*/true);
  std::vector<std::pair<std::string_view, int32_t>> behind;
  if (!AddBehind(vocabulary_.plain_trie(), plain_ends, made.inside, &behind) ||
      !AddBehind(vocabulary_.trie(), ends, made.inside, &behind)) {
    return {};
  }
  made.behind = TokenTrie(std::move(behind));
  made.inside.Compact();
  made.composable = true;
  return made;
}

}  // namespace autoglm

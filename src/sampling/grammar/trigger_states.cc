#include "sampling/grammar/trigger_states.h"

#include <array>
#include <optional>
#include <string>
#include <utility>

namespace autoglm {
namespace {

constexpr size_t kMaxTriggerBytes = 4096;
constexpr int32_t kNone = -1;

/// A trie of all triggers. Behind kControlTokenByte come an id's three bytes, which are no text:
/// such a node's text is what follows the whole token, and the token fits no text trigger.
struct TriggerNode {
  std::array<int32_t, 256> next;  ///< child, then (see Complete) where to go on
  int32_t trigger = kNone;        ///< the longest that is complete here
  int control_bytes = 0;          ///< of a control token read so far: 1 to 3; else 0
  TriggerNode() { next.fill(kNone); }
};

class TriggerTrie {
 public:
  TriggerTrie() : nodes_(1) {}

  void Add(std::string_view path, int32_t trigger) {
    int32_t node = 0;
    for (const char c : path) {
      const auto byte = static_cast<uint8_t>(c);
      if (nodes_[node].next[byte] == kNone) {
        nodes_[node].next[byte] = static_cast<int32_t>(nodes_.size());
        TriggerNode child;
        const int before = nodes_[node].control_bytes;
        if (before > 0) child.control_bytes = before == 3 ? 0 : before + 1;
        if (before == 0 && byte == kControlTokenByte) child.control_bytes = 1;
        nodes_.push_back(child);
      }
      node = nodes_[node].next[byte];
    }
    if (nodes_[node].trigger == kNone) nodes_[node].trigger = trigger;
  }

  /// Gives every node a way on for every byte.
  void Complete() {
    AddOtherControlTokens();
    std::vector<int32_t> queue = {0};
    std::vector<int32_t> fall_back(nodes_.size(), 0);
    for (size_t i = 0; i < queue.size(); ++i) {
      const int32_t node = queue[i];
      if (nodes_[node].trigger == kNone) nodes_[node].trigger = nodes_[fall_back[node]].trigger;
      for (int byte = 0; byte < 256; ++byte) {
        int32_t& next = nodes_[node].next[byte];
        const bool in_control = nodes_[node].control_bytes > 0;
        const int32_t other = node == 0 ? 0 : nodes_[fall_back[node]].next[byte];
        if (next == kNone) {
          next = other;
        } else if (next != 0 && !done_[next]) {
          done_[next] = true;
          // What a control token is part of begins with it.
          const bool begins = in_control || byte == kControlTokenByte || node == 0;
          fall_back[next] = begins ? 0 : other;
          queue.push_back(next);
        }
      }
    }
  }

  const std::vector<TriggerNode>& nodes() const { return nodes_; }

 private:
  // One, two or three bytes of a control token that is no trigger.
  void AddOtherControlTokens() {
    const auto n = static_cast<int32_t>(nodes_.size());
    std::array<int32_t, 4> other = {0, n, n + 1, n + 2};
    for (int i = 1; i <= 3; ++i) {
      nodes_.emplace_back();
      nodes_.back().control_bytes = i;
      nodes_.back().next.fill(i == 3 ? 0 : other[i + 1]);
    }
    if (nodes_[0].next[kControlTokenByte] == kNone) nodes_[0].next[kControlTokenByte] = other[1];
    for (int32_t node = 0; node < n; ++node) {
      const int before = nodes_[node].control_bytes;
      for (int32_t& next : nodes_[node].next) {
        if (before > 0 && next == kNone) next = before == 3 ? 0 : other[before + 1];
      }
    }
    done_.assign(nodes_.size(), false);
  }

  std::vector<TriggerNode> nodes_;
  std::vector<bool> done_;
};

/// Writes one copy of the trie's states; returns its start. `may_end`: the text may end anywhere in
/// it. `after`: where to go when a rule is complete; none: back to this copy.
class StateWriter {
 public:
  StateWriter(const TriggerTrie& trie, const std::vector<uint32_t>& rule_starts,
              Automaton* automaton)
      : trie_(trie), rule_starts_(rule_starts), automaton_(automaton) {}

  uint32_t Write(bool may_end, std::optional<uint32_t> after) {
    const std::vector<TriggerNode>& nodes = trie_.nodes();
    // A node's entry: its call, its bytes, or a split between its bytes and the end.
    std::vector<uint32_t> entry(nodes.size());
    const auto first = static_cast<uint32_t>(automaton_->states.size());
    uint32_t next_state = first + 1;  // the end comes first
    for (size_t i = 0; i < nodes.size(); ++i) {
      entry[i] = next_state;
      next_state += CanEnd(nodes[i], may_end) ? 2 : 1;
    }
    automaton_->states.push_back({});
    const uint32_t end = first;
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i].trigger != kNone) {
        automaton_->states.push_back(
            {Automaton::Kind::kCall, rule_starts_[nodes[i].trigger], 0, after ? *after : entry[0]});
        continue;
      }
      if (CanEnd(nodes[i], may_end)) {
        const auto first_target = static_cast<uint32_t>(automaton_->targets.size());
        automaton_->targets.insert(automaton_->targets.end(), {entry[i] + 1, end});
        automaton_->states.push_back({Automaton::Kind::kSplit, first_target, 2, 0});
      }
      WriteBytes(nodes[i], entry);
    }
    return entry[0];
  }

 private:
  static bool CanEnd(const TriggerNode& node, bool may_end) {
    return may_end && node.trigger == kNone && node.control_bytes == 0;
  }

  void WriteBytes(const TriggerNode& node, const std::vector<uint32_t>& entry) {
    const auto first = static_cast<uint32_t>(automaton_->edges.size());
    for (int low = 0; low < 256;) {
      int high = low;
      while (high < 255 && node.next[high + 1] == node.next[low]) ++high;
      automaton_->edges.push_back(
          {static_cast<uint8_t>(low), static_cast<uint8_t>(high), entry[node.next[low]]});
      low = high + 1;
    }
    const auto n = static_cast<uint32_t>(automaton_->edges.size()) - first;
    automaton_->states.push_back({Automaton::Kind::kBytes, first, n, 0});
  }

  const TriggerTrie& trie_;
  const std::vector<uint32_t>& rule_starts_;
  Automaton* automaton_;
};

}  // namespace

Result<uint32_t> AddTriggerStates(const GrammarSpec& spec, const std::vector<uint32_t>& rule_starts,
                                  const ControlTokenFinder& find_token, Automaton* automaton) {
  TriggerTrie trie;
  size_t n_bytes = 0;
  for (size_t i = 0; i < spec.triggers.size(); ++i) {
    const std::string& text = spec.triggers[i].text;
    n_bytes += text.size();
    if (text.empty() || n_bytes > kMaxTriggerBytes) {
      return Error(StatusCode::kInvalidArgument, "trigger ", i, " of the grammar ",
                   text.empty() ? "is empty" : "makes them longer than 4096 bytes in all");
    }
    const int32_t token = find_token ? find_token(text) : -1;
    trie.Add(token >= 0 ? ControlTokenPath(token) : text, static_cast<int32_t>(i));
  }
  trie.Complete();
  StateWriter writer(trie, rule_starts, automaton);
  const auto end = static_cast<uint32_t>(automaton->states.size());
  automaton->states.push_back({});
  if (!spec.repeat) return writer.Write(!spec.required, end);
  const uint32_t repeated = writer.Write(/*may_end=*/true, std::nullopt);
  if (!spec.required) return repeated;
  return writer.Write(/*may_end=*/false, repeated);
}

}  // namespace autoglm

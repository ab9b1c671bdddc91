#include "engine/stop_matcher.h"

#include <array>
#include <unordered_map>
#include <utility>

namespace autoglm {

namespace {
constexpr size_t kMaxTotalBytes = size_t{64} << 10;
}  // namespace

// A trie of the stop strings in which each node also knows the node of its longest proper suffix.
// The state after some text is the node of the longest end of that text that is in the trie.
class StopMatcher::Automaton {
 public:
  explicit Automaton(const std::vector<std::string>& stops) : nodes_(1) {
    for (size_t i = 0; i < stops.size(); ++i) Insert(stops[i], static_cast<int32_t>(i));
    LinkSuffixes();
    edges_ = {};
  }

  int32_t Next(int32_t state, char byte) const {
    while (true) {
      const int32_t child = Child(state, byte);
      if (child >= 0) return child;
      if (state == 0) return 0;
      state = nodes_[state].suffix;
    }
  }

  /// The number of bytes that `state` has matched.
  size_t Depth(int32_t state) const { return nodes_[state].depth; }
  /// The longest stop string that ends here, or -1.
  int32_t Match(int32_t state) const { return nodes_[state].match; }
  size_t MatchLength(int32_t state) const { return nodes_[state].match_length; }

 private:
  struct Node {
    int32_t suffix = 0;
    size_t depth = 0;
    int32_t match = -1;
    size_t match_length = 0;
  };

  static uint64_t Key(int32_t state, char byte) {
    return static_cast<uint64_t>(state) << 8 | static_cast<uint8_t>(byte);
  }

  int32_t Child(int32_t state, char byte) const {
    const auto it = children_.find(Key(state, byte));
    return it == children_.end() ? -1 : it->second;
  }

  void Insert(std::string_view stop, int32_t index) {
    int32_t state = 0;
    for (const char byte : stop) {
      int32_t child = Child(state, byte);
      if (child < 0) {
        child = static_cast<int32_t>(nodes_.size());
        children_[Key(state, byte)] = child;
        edges_.push_back({state, byte, child});
        nodes_.push_back({.depth = nodes_[state].depth + 1});
      }
      state = child;
    }
    if (nodes_[state].match < 0)
      nodes_[state].match = index, nodes_[state].match_length = stop.size();
  }

  // Shallow nodes first, for a suffix is always shallower.
  void LinkSuffixes() {
    std::vector<std::vector<size_t>> edges_by_depth;
    for (size_t e = 0; e < edges_.size(); ++e) {
      const size_t depth = nodes_[edges_[e].to].depth;
      if (edges_by_depth.size() < depth) edges_by_depth.resize(depth);
      edges_by_depth[depth - 1].push_back(e);
    }
    for (const auto& edges : edges_by_depth) {
      for (const size_t e : edges) LinkSuffix(edges_[e]);
    }
  }

  struct Edge {
    int32_t from;
    char byte;
    int32_t to;
  };

  void LinkSuffix(const Edge& edge) {
    Node& node = nodes_[edge.to];
    if (edge.from != 0) node.suffix = Next(nodes_[edge.from].suffix, edge.byte);
    if (node.match >= 0) return;
    node.match = nodes_[node.suffix].match;
    node.match_length = nodes_[node.suffix].match_length;
  }

  std::vector<Node> nodes_;  ///< nodes_[0] is the root
  std::unordered_map<uint64_t, int32_t> children_;
  std::vector<Edge> edges_;  ///< only while building
};

Result<StopMatcher> StopMatcher::Create(std::vector<std::string> stops) {
  size_t total_bytes = 0;
  for (size_t i = 0; i < stops.size(); ++i) {
    if (stops[i].empty()) {
      return Error(StatusCode::kInvalidArgument, "stop string ", i,
                   " is empty; it would stop before any text");
    }
    total_bytes += stops[i].size();
  }
  if (total_bytes > kMaxTotalBytes) {
    return Error(StatusCode::kOutOfRange, "the stop strings have ", FormatBytes(total_bytes),
                 " in all; at most ", FormatBytes(kMaxTotalBytes), " are permitted");
  }
  return StopMatcher(std::make_shared<const Automaton>(stops));
}

StopMatcher::StopMatcher(std::shared_ptr<const Automaton> automaton)
    : automaton_(std::move(automaton)) {}

StopMatcher::Output StopMatcher::Push(std::string_view text) {
  Output out;
  out.stopped = which_ >= 0;
  out.which = which_;
  if (out.stopped) return out;

  for (size_t i = 0; i < text.size(); ++i) {
    state_ = automaton_->Next(state_, text[i]);
    which_ = automaton_->Match(state_);
    if (which_ < 0) continue;
    held_.append(text.substr(0, i + 1));
    held_.resize(held_.size() - automaton_->MatchLength(state_));
    out.emit = std::exchange(held_, {});
    out.stopped = true;
    out.which = which_;
    return out;
  }
  // A matched beginning may reach back into what was held, and never beyond it.
  held_.append(text);
  const size_t n_safe = held_.size() - automaton_->Depth(state_);
  out.emit = held_.substr(0, n_safe);
  held_.erase(0, n_safe);
  return out;
}

std::string StopMatcher::Flush() {
  state_ = 0;
  return std::exchange(held_, {});
}

void StopMatcher::Reset() {
  held_.clear();
  state_ = 0;
  which_ = -1;
}

}  // namespace autoglm

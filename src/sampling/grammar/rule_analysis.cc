#include "sampling/grammar/rule_analysis.h"

#include <algorithm>
#include <string>
#include <utility>

namespace autoglm {
namespace {

using Kind = GbnfNode::Kind;

/// A property that a node has once `n_needed(node)` of the nodes it is made of have it (0: it has
/// it by itself). Time is linear in the grammar.
template <typename NumNeeded>
std::vector<bool> Propagate(const GbnfGrammar& grammar, NumNeeded n_needed) {
  const size_t n_nodes = grammar.nodes.size();
  std::vector<std::vector<uint32_t>> users(n_nodes);
  std::vector<size_t> missing(n_nodes);
  std::vector<uint32_t> pending;
  for (uint32_t i = 0; i < n_nodes; ++i) {
    const GbnfNode& node = grammar.nodes[i];
    for (const uint32_t child : node.children) users[child].push_back(i);
    if (node.kind == Kind::kRule) users[grammar.rule_nodes[node.rule]].push_back(i);
    missing[i] = n_needed(node);
    if (missing[i] == 0) pending.push_back(i);
  }
  std::vector<bool> has(n_nodes, false);
  while (!pending.empty()) {
    const uint32_t node = pending.back();
    pending.pop_back();
    has[node] = true;
    for (const uint32_t user : users[node]) {
      if (missing[user] > 0 && --missing[user] == 0) pending.push_back(user);
    }
  }
  return has;
}

constexpr size_t kNever = SIZE_MAX;

std::vector<bool> NodesThatEnd(const GbnfGrammar& grammar) {
  return Propagate(grammar, [](const GbnfNode& node) -> size_t {
    switch (node.kind) {
      case Kind::kLiteral:
      case Kind::kToken:
        return 0;
      case Kind::kChars:
        return node.ranges.empty() ? kNever : 0;
      case Kind::kSequence:
        return node.children.size();
      case Kind::kRepeat:
        return node.min == 0 ? 0 : 1;
      case Kind::kChoice:
      case Kind::kRule:
        return 1;
    }
    return kNever;
  });
}

std::vector<bool> NullableNodes(const GbnfGrammar& grammar) {
  return Propagate(grammar, [](const GbnfNode& node) -> size_t {
    switch (node.kind) {
      case Kind::kLiteral:
        return node.text.empty() ? 0 : kNever;
      case Kind::kChars:
      case Kind::kToken:
        return kNever;
      case Kind::kSequence:
        return node.children.size();
      case Kind::kRepeat:
        return node.min == 0 || node.max == 0 ? 0 : 1;
      case Kind::kChoice:
      case Kind::kRule:
        return 1;
    }
    return kNever;
  });
}

/// Which rules a rule mentions: anywhere, or before it has read anything.
std::vector<uint32_t> RulesIn(const GbnfGrammar& grammar, uint32_t root,
                              const std::vector<bool>* nullable) {
  std::vector<uint32_t> rules;
  std::vector<uint32_t> pending = {root};
  while (!pending.empty()) {
    const GbnfNode& node = grammar.nodes[pending.back()];
    pending.pop_back();
    if (node.kind == Kind::kRule) rules.push_back(node.rule);
    for (const uint32_t child : node.children) {
      pending.push_back(child);
      const bool stops = node.kind == Kind::kSequence && nullable && !(*nullable)[child];
      if (stops) break;
    }
  }
  std::sort(rules.begin(), rules.end());
  rules.erase(std::unique(rules.begin(), rules.end()), rules.end());
  return rules;
}

using Graph = std::vector<std::vector<uint32_t>>;

Graph MentionGraph(const GbnfGrammar& grammar, const std::vector<bool>* nullable) {
  Graph graph;
  for (const uint32_t root : grammar.rule_nodes) {
    graph.push_back(RulesIn(grammar, root, nullable));
  }
  return graph;
}

/// Marks the rules that lie on a cycle (Tarjan 1972, without recursion) and gives one such cycle's
/// component, in no particular order; empty: there is none.
std::vector<uint32_t> FindCycles(const Graph& graph, std::vector<bool>* on_cycle) {
  constexpr uint32_t kUnseen = UINT32_MAX;
  struct Frame {
    uint32_t rule;
    size_t next_child;
  };
  std::vector<uint32_t> order(graph.size(), kUnseen), low(graph.size(), 0), open, example;
  std::vector<bool> is_open(graph.size(), false);
  on_cycle->assign(graph.size(), false);
  uint32_t n_seen = 0;
  for (uint32_t root = 0; root < graph.size(); ++root) {
    if (order[root] != kUnseen) continue;
    std::vector<Frame> frames = {{root, 0}};
    while (!frames.empty()) {
      const uint32_t rule = frames.back().rule;
      if (order[rule] == kUnseen) {
        order[rule] = low[rule] = n_seen++;
        open.push_back(rule);
        is_open[rule] = true;
      }
      if (frames.back().next_child < graph[rule].size()) {
        const uint32_t child = graph[rule][frames.back().next_child++];
        if (child == rule) (*on_cycle)[rule] = true;
        if (order[child] == kUnseen) {
          frames.push_back({child, 0});
        } else if (is_open[child]) {
          low[rule] = std::min(low[rule], order[child]);
        }
        continue;
      }
      frames.pop_back();
      if (!frames.empty()) {
        const uint32_t parent = frames.back().rule;
        low[parent] = std::min(low[parent], low[rule]);
      }
      if (low[rule] != order[rule]) continue;
      std::vector<uint32_t> component;
      do {
        component.push_back(open.back());
        is_open[open.back()] = false;
        open.pop_back();
      } while (component.back() != rule);
      if (component.size() > 1) {
        for (const uint32_t member : component) (*on_cycle)[member] = true;
      }
      if ((*on_cycle)[rule] && example.empty()) example = component;
    }
  }
  return example;
}

}  // namespace

Result<RuleAnalysis> AnalyzeRules(const GbnfGrammar& grammar) {
  RuleAnalysis analysis;
  analysis.ends = NodesThatEnd(grammar);
  analysis.nullable = NullableNodes(grammar);
  std::vector<bool> left_recursive;
  const std::vector<uint32_t> cycle =
      FindCycles(MentionGraph(grammar, &analysis.nullable), &left_recursive);
  if (!cycle.empty()) {
    std::string names;
    for (size_t i = 0; i < cycle.size() && i < 8; ++i) {
      StrAppend(&names, i == 0 ? "'" : ", '", grammar.rule_names[cycle[cycle.size() - 1 - i]], "'");
    }
    return Error(StatusCode::kInvalidArgument, "left recursion: ", names,
                 cycle.size() == 1 ? " begins" : " begin",
                 " with itself before anything is read; write repetition with * or +, or let the "
                 "rule refer to itself at its end");
  }
  FindCycles(MentionGraph(grammar, nullptr), &analysis.recursive);
  return analysis;
}

}  // namespace autoglm

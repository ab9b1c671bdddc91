#include "sampling/grammar/automaton.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "sampling/grammar/merge_states.h"
#include "sampling/grammar/rule_analysis.h"
#include "sampling/grammar/trigger_states.h"
#include "sampling/grammar/utf8_ranges.h"

namespace autoglm {
namespace {

using Kind = GbnfNode::Kind;

constexpr uint32_t kMaxStates = 400'000;
constexpr int kMaxInlining = 50;  // rules within rules
// A rule that is small is copied to where it is used; one that is repeated may be larger, so that a
// token of several repetitions stays within one rule.
constexpr uint64_t kSmall = 6;
constexpr uint64_t kSmallRepeated = 80;

/// Makes states from the end of a text to its beginning: each part is built with the state that
/// follows it.
class AutomatonBuilder {
 public:
  AutomatonBuilder(const GbnfGrammar& grammar, const RuleAnalysis& analysis,
                   const ControlTokenFinder& find_token)
      : grammar_(grammar), analysis_(analysis), find_token_(find_token) {}

  Result<Automaton> Build(const GrammarSpec& spec);

 private:
  uint32_t AddState(Automaton::State state);
  uint32_t AddBytes(const std::vector<Automaton::Edge>& edges);
  uint32_t AddSplit(const std::vector<uint32_t>& targets);
  uint32_t AddByteString(std::string_view bytes, uint32_t next);

  uint32_t BuildNode(uint32_t node, uint32_t next, int inlining);
  uint32_t BuildChars(const GbnfNode& node, uint32_t next);
  uint32_t BuildRepeat(const GbnfNode& node, uint32_t next, int inlining);
  uint32_t BuildOptionalCopies(uint32_t child, uint32_t n, uint32_t next, int inlining);
  uint32_t BuildMandatoryCopies(uint32_t child, uint32_t n, uint32_t next, int inlining);
  uint32_t BuildCall(uint32_t rule, uint32_t next, int inlining);
  uint32_t BuildToken(const GbnfNode& node, uint32_t next);
  /// What a call goes to.
  uint32_t RuleStart(uint32_t rule);
  Status BuildPendingRules();

  void MeasureRules();
  uint64_t Measure(uint32_t node);
  void FindRepeatedRules();
  void LinkSimilar(uint32_t begin, uint32_t end, uint32_t like);
  void FindByteClasses();

  const GbnfGrammar& grammar_;
  const RuleAnalysis& analysis_;
  const ControlTokenFinder& find_token_;
  Automaton automaton_;
  Status status_;
  std::vector<uint64_t> node_size_;  ///< [nodes] about how many states; 0: not yet measured
  std::vector<bool> is_repeated_;    ///< [rules] stands right under a repetition
  /// [rules] a kSplit with one target, made when the rule is first called.
  std::vector<std::optional<uint32_t>> rule_start_;
  std::vector<uint32_t> pending_rules_;
};

uint32_t AutomatonBuilder::AddState(Automaton::State state) {
  if (automaton_.states.size() >= kMaxStates) {
    if (status_.ok()) {
      status_ = Error(StatusCode::kResourceExhausted, "the grammar needs more than ", kMaxStates,
                      " states; repetitions with large bounds take the most");
    }
    return 0;
  }
  automaton_.states.push_back(state);
  automaton_.similar.push_back(static_cast<uint32_t>(automaton_.similar.size()));
  return static_cast<uint32_t>(automaton_.states.size() - 1);
}

uint32_t AutomatonBuilder::AddBytes(const std::vector<Automaton::Edge>& edges) {
  const auto first = static_cast<uint32_t>(automaton_.edges.size());
  automaton_.edges.insert(automaton_.edges.end(), edges.begin(), edges.end());
  return AddState({Automaton::Kind::kBytes, first, static_cast<uint32_t>(edges.size()), 0});
}

uint32_t AutomatonBuilder::AddSplit(const std::vector<uint32_t>& targets) {
  const auto first = static_cast<uint32_t>(automaton_.targets.size());
  automaton_.targets.insert(automaton_.targets.end(), targets.begin(), targets.end());
  return AddState({Automaton::Kind::kSplit, first, static_cast<uint32_t>(targets.size()), 0});
}

uint32_t AutomatonBuilder::AddByteString(std::string_view bytes, uint32_t next) {
  for (size_t i = bytes.size(); i-- > 0;) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    next = AddBytes({{byte, byte, next}});
  }
  return next;
}

uint32_t AutomatonBuilder::BuildNode(uint32_t index, uint32_t next, int inlining) {
  if (!status_.ok()) return 0;
  const GbnfNode& node = grammar_.nodes[index];
  switch (node.kind) {
    case Kind::kLiteral:
      return AddByteString(node.text, next);
    case Kind::kChars:
      return BuildChars(node, next);
    case Kind::kToken:
      return BuildToken(node, next);
    case Kind::kSequence:
      for (size_t i = node.children.size(); i-- > 0;) {
        next = BuildNode(node.children[i], next, inlining);
      }
      return next;
    case Kind::kChoice: {
      std::vector<uint32_t> targets;
      for (const uint32_t child : node.children) {
        if (analysis_.ends[child]) targets.push_back(BuildNode(child, next, inlining));
      }
      return targets.size() == 1 ? targets[0] : AddSplit(targets);
    }
    case Kind::kRepeat:
      return BuildRepeat(node, next, inlining);
    case Kind::kRule:
      return BuildCall(node.rule, next, inlining);
  }
  return next;
}

// The first bytes of all characters in one state; equal rests of a character share their states.
uint32_t AutomatonBuilder::BuildChars(const GbnfNode& node, uint32_t next) {
  std::vector<Automaton::Edge> first_edges;
  std::map<std::tuple<uint8_t, uint8_t, uint32_t>, uint32_t> made;
  for (const ByteRangeSequence& sequence : ToByteRanges(node.ranges)) {
    uint32_t state = next;
    for (int i = sequence.n - 1; i > 0; --i) {
      const auto [low, high] = sequence.bytes[i];
      const auto [it, is_new] = made.try_emplace({low, high, state}, 0);
      if (is_new) it->second = AddBytes({{low, high, state}});
      state = it->second;
    }
    first_edges.push_back({sequence.bytes[0].low, sequence.bytes[0].high, state});
  }
  return AddBytes(first_edges);
}

uint32_t AutomatonBuilder::BuildToken(const GbnfNode& node, uint32_t next) {
  int32_t id = node.token;
  if (id < 0) id = find_token_ ? find_token_(node.text) : -1;
  if (id < 0 && status_.ok()) {
    status_ = Error(StatusCode::kInvalidArgument, "the grammar asks for the token ", node.text,
                    ", which is no control token of this vocabulary; write text in quotes");
  }
  return AddByteString(ControlTokenPath(std::max(id, 0)), next);
}

uint32_t AutomatonBuilder::BuildRepeat(const GbnfNode& node, uint32_t next, int inlining) {
  const uint32_t child = node.children[0];
  if (!analysis_.ends[child] || node.max == 0) return next;
  if (node.max != GbnfNode::kNoMax) {
    next = BuildOptionalCopies(child, node.max - node.min, next, inlining);
  } else {
    // A loop: a split between the child and what follows, to which the child returns.
    const uint32_t loop = AddSplit({next, next});
    const uint32_t body = BuildNode(child, loop, inlining);
    if (status_.ok()) automaton_.targets[automaton_.states[loop].first + 1] = body;
    next = loop;
  }
  return BuildMandatoryCopies(child, node.min, next, inlining);
}

// Each copy may be the last. From far enough before the end all copies look alike.
uint32_t AutomatonBuilder::BuildOptionalCopies(uint32_t child, uint32_t n, uint32_t next,
                                               int inlining) {
  const bool reads = !analysis_.nullable[child];
  const uint32_t end = next;
  uint32_t like = 0;
  for (uint32_t i = 0; i < n && status_.ok(); ++i) {
    const auto begin = static_cast<uint32_t>(automaton_.states.size());
    next = AddSplit({end, BuildNode(child, next, inlining)});
    if (i == Automaton::kSimilarBytes) like = begin;
    if (i > Automaton::kSimilarBytes && reads) LinkSimilar(begin, next, like);
  }
  return next;
}

uint32_t AutomatonBuilder::BuildMandatoryCopies(uint32_t child, uint32_t n, uint32_t next,
                                                int inlining) {
  const bool reads = !analysis_.nullable[child];
  uint32_t like = 0;
  for (uint32_t i = 0; i < n && status_.ok(); ++i) {
    const auto begin = static_cast<uint32_t>(automaton_.states.size());
    const uint32_t copy = BuildNode(child, next, inlining);
    if (copy == next) break;  // only the empty text
    next = copy;
    if (i == Automaton::kSimilarBytes) like = begin;
    if (i > Automaton::kSimilarBytes && reads) {
      LinkSimilar(begin, static_cast<uint32_t>(automaton_.states.size()), like);
    }
  }
  return next;
}

// Copies are built alike, so their states come in the same order.
void AutomatonBuilder::LinkSimilar(uint32_t begin, uint32_t end, uint32_t like) {
  for (uint32_t state = begin; state < end; ++state) {
    automaton_.similar[state] = automaton_.similar[like + (state - begin)];
  }
}

uint32_t AutomatonBuilder::BuildCall(uint32_t rule, uint32_t next, int inlining) {
  const uint32_t root = grammar_.rule_nodes[rule];
  const uint64_t small = is_repeated_[rule] ? kSmallRepeated : kSmall;
  if (!analysis_.recursive[rule] && inlining < kMaxInlining && node_size_[root] <= small) {
    return BuildNode(root, next, inlining + 1);
  }
  return AddState({Automaton::Kind::kCall, RuleStart(rule), 0, next});
}

uint32_t AutomatonBuilder::RuleStart(uint32_t rule) {
  if (!rule_start_[rule]) {
    rule_start_[rule] = AddSplit({0});
    pending_rules_.push_back(rule);
  }
  return *rule_start_[rule];
}

Status AutomatonBuilder::BuildPendingRules() {
  while (!pending_rules_.empty() && status_.ok()) {
    const uint32_t rule = pending_rules_.back();
    pending_rules_.pop_back();
    const uint32_t end = AddState({});
    const uint32_t start = BuildNode(grammar_.rule_nodes[rule], end, 0);
    if (!status_.ok()) break;
    automaton_.targets[automaton_.states[*rule_start_[rule]].first] = start;
  }
  return status_;
}

// Children come before their parents and rules of a cycle are never copied, so each node is
// measured once; recursion is as deep as rules that are no cycle mention each other.
uint64_t AutomatonBuilder::Measure(uint32_t index) {
  constexpr uint64_t kLarge = uint64_t{1} << 32;
  if (node_size_[index] != 0) return node_size_[index];
  const GbnfNode& node = grammar_.nodes[index];
  uint64_t size = 1;
  switch (node.kind) {
    case Kind::kLiteral:
      size = node.text.size() + 1;
      break;
    case Kind::kChars:
      size = node.ranges.empty() || node.ranges.back().last < 0x80 ? 1 : 8;
      break;
    case Kind::kToken:
      size = 4;
      break;
    case Kind::kRule:
      size = node_size_[grammar_.rule_nodes[node.rule]];  // 0 where it comes later: then not copied
      if (size == 0) size = kLarge;
      break;
    case Kind::kRepeat: {
      const uint64_t copies = node.max == GbnfNode::kNoMax ? uint64_t{node.min} + 1 : node.max;
      size = 1 + copies * (Measure(node.children[0]) + 1);
      break;
    }
    default:
      for (const uint32_t child : node.children) size += Measure(child);
  }
  return node_size_[index] = std::min(std::max<uint64_t>(size, 1), kLarge);
}

// Rules that mention small rules are measured behind them: a few rounds settle all that could be
// small enough to matter.
void AutomatonBuilder::MeasureRules() {
  constexpr int kRounds = 4;
  std::vector<uint64_t> rule_sizes(grammar_.rule_nodes.size(), 0);
  for (int round = 0; round < kRounds; ++round) {
    node_size_.assign(grammar_.nodes.size(), 0);
    for (size_t rule = 0; rule < rule_sizes.size(); ++rule) {
      if (rule_sizes[rule] != 0) node_size_[grammar_.rule_nodes[rule]] = rule_sizes[rule];
    }
    std::vector<uint64_t> measured(rule_sizes.size());
    for (size_t rule = 0; rule < rule_sizes.size(); ++rule) {
      const uint32_t root = grammar_.rule_nodes[rule];
      node_size_[root] = 0;
      measured[rule] = Measure(root);
    }
    rule_sizes = std::move(measured);
  }
}

void AutomatonBuilder::FindRepeatedRules() {
  is_repeated_.assign(grammar_.rule_nodes.size(), false);
  for (const GbnfNode& node : grammar_.nodes) {
    if (node.kind != Kind::kRepeat || node.max == 1) continue;
    const GbnfNode& child = grammar_.nodes[node.children[0]];
    if (child.kind == Kind::kRule) is_repeated_[child.rule] = true;
    if (child.kind != Kind::kChoice) continue;
    for (const uint32_t alternative : child.children) {
      const GbnfNode& rule = grammar_.nodes[alternative];
      if (rule.kind == Kind::kRule) is_repeated_[rule.rule] = true;
    }
  }
}

void AutomatonBuilder::FindByteClasses() {
  std::array<bool, 257> begins{};
  begins[0] = true;
  for (const Automaton::Edge& edge : automaton_.edges) {
    begins[edge.low] = true;
    begins[edge.high + 1] = true;
  }
  int n = 0;
  for (int byte = 0; byte < 256; ++byte) {
    n += begins[byte];
    automaton_.class_of_byte[byte] = static_cast<uint8_t>(n - 1);
  }
  automaton_.n_classes = n;
}

Result<Automaton> AutomatonBuilder::Build(const GrammarSpec& spec) {
  MeasureRules();
  FindRepeatedRules();
  rule_start_.resize(grammar_.rule_names.size());
  std::vector<GrammarTrigger> triggers = spec.triggers;
  if (triggers.empty()) triggers.push_back({});
  std::vector<uint32_t> starts;
  for (const GrammarTrigger& trigger : triggers) {
    const uint32_t rule = grammar_.FindRule(trigger.rule);
    if (rule == GbnfGrammar::kNoRule) {
      return Error(StatusCode::kInvalidArgument, "the grammar has no rule '", trigger.rule, "'");
    }
    if (!analysis_.ends[grammar_.rule_nodes[rule]]) {
      return Error(StatusCode::kInvalidArgument, "rule '", trigger.rule,
                   "' can never come to an end");
    }
    starts.push_back(RuleStart(rule));
  }
  automaton_.start = starts[0];
  if (!spec.triggers.empty()) {
    AUTOGLM_ASSIGN_OR_RETURN(automaton_.start,
                             AddTriggerStates(spec, starts, find_token_, &automaton_));
    for (auto i = automaton_.similar.size(); i < automaton_.states.size(); ++i) {
      automaton_.similar.push_back(static_cast<uint32_t>(i));
    }
  }
  AUTOGLM_RETURN_IF_ERROR(BuildPendingRules());
  MergeEqualStates(&automaton_);
  FindByteClasses();
  return std::move(automaton_);
}

}  // namespace

std::string ControlTokenPath(int32_t id) {
  return {static_cast<char>(kControlTokenByte), static_cast<char>(id >> 16),
          static_cast<char>(id >> 8), static_cast<char>(id)};
}

Result<Automaton> BuildAutomaton(const GrammarSpec& spec, const ControlTokenFinder& find_token) {
  AUTOGLM_ASSIGN_OR_RETURN(const GbnfGrammar grammar, ParseGbnf(spec.gbnf));
  AUTOGLM_ASSIGN_OR_RETURN(const RuleAnalysis analysis, AnalyzeRules(grammar));
  return AutomatonBuilder(grammar, analysis, find_token).Build(spec);
}

}  // namespace autoglm

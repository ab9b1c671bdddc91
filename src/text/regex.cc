// The compiler: syntax tree to program. The matcher is in regex_matcher.cc.
#include "text/regex.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/utf8.h"
#include "text/regex_parser.h"

namespace autoglm {

namespace {

using Kind = RegexNode::Kind;

constexpr size_t kMaxProgram = 20000;
constexpr size_t kMaxClasses = 256;

// What a match of a node may begin with; `nullable`: it may match nothing.
struct FirstSet {
  CodePointSet set;
  bool nullable = false;
};

FirstSet FirstOf(const RegexNode& node) {
  FirstSet out;
  switch (node.kind) {
    case Kind::kSet:
      out.set = node.set;
      return out;
    case Kind::kConcat:
      out.nullable = true;
      for (const auto& child : node.children) {
        const FirstSet first = FirstOf(*child);
        out.set.Add(first.set);
        if (!first.nullable) {
          out.nullable = false;
          break;
        }
      }
      return out;
    case Kind::kAlternate:
      for (const auto& child : node.children) {
        const FirstSet first = FirstOf(*child);
        out.set.Add(first.set);
        out.nullable |= first.nullable;
      }
      return out;
    case Kind::kRepeat:
      out = FirstOf(*node.children[0]);
      out.nullable |= node.min == 0;
      return out;
    case Kind::kAtomic:
      return FirstOf(*node.children[0]);
    default:
      out.nullable = true;
      return out;
  }
}

bool IsNullable(const RegexNode& node) {
  const auto child_is = [](const auto& child) { return IsNullable(*child); };
  switch (node.kind) {
    case Kind::kSet:
      return false;
    case Kind::kConcat:
      return std::all_of(node.children.begin(), node.children.end(), child_is);
    case Kind::kAlternate:
      return std::any_of(node.children.begin(), node.children.end(), child_is);
    case Kind::kRepeat:
      return node.min == 0 || IsNullable(*node.children[0]);
    case Kind::kAtomic:
      return IsNullable(*node.children[0]);
    default:
      return true;
  }
}

// The bytes with which the UTF-8 of the members begin. Ill-formed bytes count as U+FFFD.
std::array<bool, 256> LeadBytes(const CodePointSet& set) {
  std::array<bool, 256> lead{};
  const auto first_byte = [](char32_t c) {
    std::string utf8;
    AppendUtf8(&utf8, c);
    return static_cast<uint8_t>(utf8[0]);
  };
  for (const CodePointRange& range : set.ranges()) {
    for (int b = first_byte(range.first); b <= first_byte(range.last); ++b) lead[b] = true;
  }
  if (set.Contains(kReplacementChar)) {
    for (int b = 0x80; b < 256; ++b) lead[b] = true;
  }
  return lead;
}

}  // namespace

class RegexCompiler {
 public:
  using Op = Regex::Op;
  using Instruction = Regex::Instruction;

  explicit RegexCompiler(std::string_view pattern) : pattern_(pattern) {}

  Result<Regex> Compile(const RegexNode& root) {
    std::vector<const RegexNode*> alternatives;
    if (root.kind == Kind::kAlternate) {
      for (const auto& child : root.children) alternatives.push_back(child.get());
    } else {
      alternatives.push_back(&root);
    }
    std::array<std::vector<uint32_t>, 256> entries;
    for (const RegexNode* alternative : alternatives) {
      const FirstSet first = FirstOf(*alternative);
      const std::array<bool, 256> lead = LeadBytes(first.set);
      for (int b = 0; b < 256; ++b) {
        if (first.nullable || lead[b]) entries[b].push_back(Here());
      }
      AUTOGLM_RETURN_IF_ERROR(Emit(*alternative));
      Add(Op::kAccept);
    }
    for (int b = 0; b < 256; ++b) {
      regex_.first_entry_[b] = static_cast<uint32_t>(regex_.entries_.size());
      regex_.entries_.insert(regex_.entries_.end(), entries[b].begin(), entries[b].end());
    }
    regex_.first_entry_[256] = static_cast<uint32_t>(regex_.entries_.size());
    return std::move(regex_);
  }

 private:
  uint32_t Here() const { return static_cast<uint32_t>(regex_.program_.size()); }
  uint32_t Add(Op op) {
    regex_.program_.push_back({.op = op});
    return Here() - 1;
  }
  Instruction& At(uint32_t i) { return regex_.program_[i]; }

  Status Emit(const RegexNode& node) {
    if (Here() > kMaxProgram || sets_.size() > kMaxClasses) {
      return Error(StatusCode::kUnimplemented, "regular expression '", Quoted(pattern_, 200),
                   "' is too large: more than ", kMaxProgram, " steps or ", kMaxClasses,
                   " classes");
    }
    switch (node.kind) {
      case Kind::kEmpty:
        return OkStatus();
      case Kind::kSet:
        EmitSet(node.set);
        return OkStatus();
      case Kind::kConcat:
        for (const auto& child : node.children) AUTOGLM_RETURN_IF_ERROR(Emit(*child));
        return OkStatus();
      case Kind::kAlternate:
        return EmitAlternate(node);
      case Kind::kRepeat:
        return EmitRepeat(node);
      case Kind::kLook:
        return EmitEnclosed(*node.children[0], Op::kLook, node.negative);
      case Kind::kAtomic:
        return EmitEnclosed(*node.children[0], Op::kAtomic, false);
      case Kind::kBegin:
        Add(Op::kBegin);
        return OkStatus();
      case Kind::kEnd:
        Add(Op::kEnd);
        return OkStatus();
      case Kind::kAbsoluteEnd:
        Add(Op::kAbsoluteEnd);
        return OkStatus();
      case Kind::kWordBoundary:
        At(Add(Op::kWordBoundary)).negative = node.negative;
        return OkStatus();
    }
    return OkStatus();
  }

  uint32_t ClassIndex(const CodePointSet& set) {
    for (size_t i = 0; i < sets_.size(); ++i) {
      const auto a = sets_[i].ranges(), b = set.ranges();
      const auto same = [](const CodePointRange& x, const CodePointRange& y) {
        return x.first == y.first && x.last == y.last;
      };
      if (std::equal(a.begin(), a.end(), b.begin(), b.end(), same)) return static_cast<uint32_t>(i);
    }
    sets_.push_back(set);
    regex_.classes_.emplace_back(set);
    return static_cast<uint32_t>(sets_.size() - 1);
  }

  void EmitSet(const CodePointSet& set) {
    const auto ranges = set.ranges();
    // U+FFFD stays a class: it also matches ill-formed bytes.
    if (ranges.size() == 1 && ranges[0].first == ranges[0].last &&
        ranges[0].first != kReplacementChar) {
      std::string utf8;
      AppendUtf8(&utf8, ranges[0].first);
      for (const char byte : utf8) At(Add(Op::kByte)).x = static_cast<uint8_t>(byte);
      return;
    }
    const uint32_t index = ClassIndex(set);
    At(Add(Op::kClass)).x = index;
  }

  Status EmitAlternate(const RegexNode& node) {
    std::vector<uint32_t> jumps;
    for (size_t i = 0; i < node.children.size(); ++i) {
      const bool is_last = i + 1 == node.children.size();
      const uint32_t split = is_last ? 0 : Add(Op::kSplit);
      if (!is_last) At(split).x = Here();
      AUTOGLM_RETURN_IF_ERROR(Emit(*node.children[i]));
      if (is_last) break;
      jumps.push_back(Add(Op::kJump));
      At(split).y = Here();
    }
    for (const uint32_t jump : jumps) At(jump).x = Here();
    return OkStatus();
  }

  Status EmitEnclosed(const RegexNode& body, Op op, bool negative) {
    const uint32_t start = Add(op);
    At(start).negative = negative;
    AUTOGLM_RETURN_IF_ERROR(Emit(body));
    Add(Op::kAccept);
    At(start).x = Here();
    return OkStatus();
  }

  Status EmitRepeat(const RegexNode& node) {
    const RegexNode& body = *node.children[0];
    if (body.kind == Kind::kSet) {
      const uint32_t index = ClassIndex(body.set);
      Instruction& run = At(Add(Op::kRun));
      run.x = index;
      run.min = node.min, run.max = node.max;
      run.mode = static_cast<Regex::Mode>(node.mode);
      return OkStatus();
    }
    if (node.max == RegexNode::kUnbounded && IsNullable(body)) {
      return Error(StatusCode::kUnimplemented, "regular expression '", Quoted(pattern_, 200),
                   "': an unbounded repeat of what may match nothing is not supported");
    }
    if (node.mode == RegexNode::Mode::kPossessive) {
      const uint32_t start = Add(Op::kAtomic);
      AUTOGLM_RETURN_IF_ERROR(EmitGroupRepeat(node, body, false));
      Add(Op::kAccept);
      At(start).x = Here();
      return OkStatus();
    }
    return EmitGroupRepeat(node, body, node.mode == RegexNode::Mode::kLazy);
  }

  // `min` copies of the body, then a loop, or one optional copy within another.
  Status EmitGroupRepeat(const RegexNode& node, const RegexNode& body, bool lazy) {
    for (uint32_t i = 0; i < node.min; ++i) AUTOGLM_RETURN_IF_ERROR(Emit(body));
    const bool unbounded = node.max == RegexNode::kUnbounded;
    std::vector<uint32_t> splits;
    for (uint32_t i = unbounded ? 0 : node.min; i < (unbounded ? 1 : node.max); ++i) {
      splits.push_back(Add(Op::kSplit));
      AUTOGLM_RETURN_IF_ERROR(Emit(body));
      if (unbounded) At(Add(Op::kJump)).x = splits.back();
    }
    for (const uint32_t split : splits) {
      At(split).x = lazy ? Here() : split + 1;
      At(split).y = lazy ? split + 1 : Here();
    }
    return OkStatus();
  }

  std::string_view pattern_;
  Regex regex_;
  std::vector<CodePointSet> sets_;  ///< what regex_.classes_ were made from
};

Result<Regex> Regex::Compile(std::string_view pattern) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::unique_ptr<RegexNode> root, ParseRegex(pattern));
  return RegexCompiler(pattern).Compile(*root);
}

}  // namespace autoglm

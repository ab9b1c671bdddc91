#include "text/regex_parser.h"

#include <utility>

#include "base/utf8.h"

namespace autoglm {

CodePointSet WordSet() {
  return CodePointSet::OfCategories(CategoriesNamed("L") | CategoriesNamed("M") |
                                    CategoriesNamed("Nd") | CategoriesNamed("Pc"));
}

namespace {

using Node = std::unique_ptr<RegexNode>;
using Kind = RegexNode::Kind;

constexpr int kMaxDepth = 50;
constexpr uint32_t kMaxCount = 1000;  // of {n,m}

Node MakeNode(Kind kind) {
  auto node = std::make_unique<RegexNode>();
  node->kind = kind;
  return node;
}

Node MakeSet(CodePointSet set) {
  Node node = MakeNode(Kind::kSet);
  node->set = std::move(set);
  return node;
}

CodePointSet SingleSet(char32_t c) {
  CodePointSet set;
  set.Add(c, c);
  return set;
}

// A concatenation without needless levels. A positive lookahead of one character before a
// character is their intersection, which runs faster.
Node Concat(std::vector<Node> parts) {
  std::vector<Node> out;
  for (Node& part : parts) {
    RegexNode* last = out.empty() ? nullptr : out.back().get();
    if (part->kind == Kind::kSet && last && last->kind == Kind::kLook && !last->negative &&
        last->children[0]->kind == Kind::kSet) {
      part->set = part->set.Intersect(last->children[0]->set);
      out.back() = std::move(part);
    } else if (part->kind != Kind::kEmpty) {
      out.push_back(std::move(part));
    }
  }
  if (out.size() == 1) return std::move(out[0]);
  Node node = MakeNode(out.empty() ? Kind::kEmpty : Kind::kConcat);
  node->children = std::move(out);
  return node;
}

class Parser {
 public:
  explicit Parser(std::string_view pattern) : pattern_(pattern) {}

  Result<Node> Parse() {
    AUTOGLM_ASSIGN_OR_RETURN(Node node, ParseAlternatives(0));
    if (!AtEnd()) return Malformed("a ')' without its '('");
    return node;
  }

 private:
  struct Flags {
    bool ignore_case = false;
    bool dot_all = false;
  };

  bool AtEnd() const { return pos_ >= pattern_.size(); }
  bool Peek(std::string_view text) const { return pattern_.substr(pos_).starts_with(text); }
  bool Accept(std::string_view text) {
    if (!Peek(text)) return false;
    pos_ += text.size();
    return true;
  }
  Status Malformed(std::string_view what) const {
    return Error(StatusCode::kInvalidArgument, "regular expression '", Quoted(pattern_, 200),
                 "': ", what, " at offset ", pos_);
  }
  Status Unsupported(std::string_view what) const {
    return Error(StatusCode::kUnimplemented, "regular expression '", Quoted(pattern_, 200),
                 "': ", what, " at offset ", pos_, " is not supported");
  }

  // The next character; ill-formed UTF-8 in a pattern is refused.
  Result<char32_t> NextChar() {
    if (AtEnd()) return Malformed("unexpected end");
    const Utf8Char c = DecodeUtf8(pattern_.substr(pos_));
    if (!c.valid) return Malformed("ill-formed UTF-8");
    pos_ += c.n_bytes;
    return c.code_point;
  }

  Result<Node> ParseAlternatives(int depth) {
    if (depth > kMaxDepth) return Unsupported("nesting this deep");
    const Flags saved = flags_;
    std::vector<Node> alternatives;
    do {
      AUTOGLM_ASSIGN_OR_RETURN(Node sequence, ParseSequence(depth));
      alternatives.push_back(std::move(sequence));
    } while (Accept("|"));
    flags_ = saved;
    if (alternatives.size() == 1) return std::move(alternatives[0]);
    Node node = MakeNode(Kind::kAlternate);
    node->children = std::move(alternatives);
    return node;
  }

  Result<Node> ParseSequence(int depth) {
    std::vector<Node> parts;
    while (!AtEnd() && !Peek("|") && !Peek(")")) {
      AUTOGLM_ASSIGN_OR_RETURN(Node atom, ParseAtom(depth));
      AUTOGLM_ASSIGN_OR_RETURN(Node repeated, ParseRepeats(std::move(atom)));
      parts.push_back(std::move(repeated));
    }
    return Concat(std::move(parts));
  }

  Result<Node> ParseAtom(int depth) {
    if (Accept("(")) return ParseGroup(depth);
    if (Accept("[")) {
      AUTOGLM_ASSIGN_OR_RETURN(CodePointSet set, ParseClass(depth + 1));
      return MakeSet(std::move(set));
    }
    if (Accept("^")) return MakeNode(Kind::kBegin);
    if (Accept("$")) return MakeNode(Kind::kEnd);
    if (Accept(".")) {
      return MakeSet(flags_.dot_all ? CodePointSet().Complement() : SingleSet('\n').Complement());
    }
    if (Peek("*") || Peek("+") || Peek("?"))
      return Malformed("a repeat without anything before it");
    if (Accept("\\")) return ParseEscapedAtom();
    AUTOGLM_ASSIGN_OR_RETURN(const char32_t c, NextChar());
    return MakeSet(Folded(SingleSet(c)));
  }

  CodePointSet Folded(CodePointSet set) const {
    return flags_.ignore_case ? set.CaseClosure() : set;
  }

  Result<Node> ParseEscapedAtom() {
    if (Accept("A")) return MakeNode(Kind::kBegin);
    if (Accept("z")) return MakeNode(Kind::kAbsoluteEnd);
    if (Accept("Z")) return MakeNode(Kind::kEnd);
    if (Peek("b") || Peek("B")) {
      Node node = MakeNode(Kind::kWordBoundary);
      node->negative = pattern_[pos_++] == 'B';
      return node;
    }
    AUTOGLM_ASSIGN_OR_RETURN(CodePointSet set, ParseEscape());
    return MakeSet(Folded(std::move(set)));
  }

  // Behind "(".
  Result<Node> ParseGroup(int depth) {
    Kind kind = Kind::kConcat;  // of an ordinary group
    bool negative = false;
    const Flags saved = flags_;
    if (Accept("?")) {
      if (Accept("=")) {
        kind = Kind::kLook;
      } else if (Accept("!")) {
        kind = Kind::kLook, negative = true;
      } else if (Accept(">")) {
        kind = Kind::kAtomic;
      } else if (Peek("<=") || Peek("<!")) {
        return Unsupported("look-behind");
      } else if (Accept("<") || Accept("P<")) {
        while (!AtEnd() && pattern_[pos_] != '>') ++pos_;
        if (!Accept(">")) return Malformed("an unfinished group name");
      } else if (!Accept(":")) {
        AUTOGLM_RETURN_IF_ERROR(ParseFlags());
        if (Accept(")")) return MakeNode(Kind::kEmpty);  // holds for the rest of this group
        if (!Accept(":")) return Malformed("unknown group syntax");
      }
    }
    AUTOGLM_ASSIGN_OR_RETURN(Node body, ParseAlternatives(depth + 1));
    flags_ = saved;
    if (!Accept(")")) return Malformed("a '(' without its ')'");
    if (kind == Kind::kConcat) return body;
    Node node = MakeNode(kind);
    node->negative = negative;
    node->children.push_back(std::move(body));
    return node;
  }

  Status ParseFlags() {
    bool value = true;
    for (; !AtEnd(); ++pos_) {
      switch (pattern_[pos_]) {
        case 'i':
          flags_.ignore_case = value;
          break;
        case 's':
          flags_.dot_all = value;
          break;
        case 'u':
          break;
        case '-':
          value = false;
          break;
        case ':':
        case ')':
          return OkStatus();
        default:
          return Unsupported("this group or flag");
      }
    }
    return Malformed("an unfinished group");
  }

  Result<Node> ParseRepeats(Node atom) {
    while (!AtEnd()) {
      uint32_t min = 0, max = RegexNode::kUnbounded;
      bool counted = false;
      if (Accept("*")) {
      } else if (Accept("+")) {
        min = 1;
      } else if (Accept("?")) {
        max = 1;
      } else if (Peek("{") && ParseCount(&min, &max)) {
        counted = true;
      } else {
        break;
      }
      if (min > kMaxCount || (max > kMaxCount && max != RegexNode::kUnbounded) || min > max) {
        return Unsupported("a count above 1000, or a minimum above its maximum");
      }
      if (atom->kind == Kind::kEmpty) continue;
      Node node = MakeNode(Kind::kRepeat);
      node->min = min, node->max = max;
      if (Accept("?")) {
        node->mode = RegexNode::Mode::kLazy;
      } else if (!counted && Accept("+")) {  // behind a count, "+" is a repeat of its own
        node->mode = RegexNode::Mode::kPossessive;
      }
      node->children.push_back(std::move(atom));
      atom = std::move(node);
      if (++n_repeats_ > 500) return Unsupported("a pattern with more than 500 repeats");
    }
    return atom;
  }

  bool ParseNumber(uint32_t* value) {
    const size_t start = pos_;
    uint64_t n = 0;
    while (!AtEnd() && pattern_[pos_] >= '0' && pattern_[pos_] <= '9') {
      n = n * 10 + static_cast<uint64_t>(pattern_[pos_++] - '0');
      if (n > 1000000) n = 1000000;
    }
    *value = static_cast<uint32_t>(n);
    return pos_ > start;
  }

  // {n}, {n,}, {n,m} or {,m}; anything else is a literal brace and leaves pos_ where it was.
  bool ParseCount(uint32_t* min, uint32_t* max) {
    const size_t start = pos_;
    Accept("{");
    const bool has_min = ParseNumber(min);
    *max = *min;
    bool good = has_min;
    if (Accept(",")) {
      const bool has_max = ParseNumber(max);
      if (!has_max) *max = RegexNode::kUnbounded;
      if (!has_min) *min = 0;
      good = has_min || has_max;
    }
    if (good && Accept("}")) return true;
    pos_ = start;
    return false;
  }

  // Behind "[": items until "]", with nested classes and "&&".
  Result<CodePointSet> ParseClass(int depth) {
    if (depth > kMaxDepth) return Unsupported("nesting this deep");
    const bool negated = Accept("^");
    CodePointSet result = CodePointSet().Complement();  // the intersection so far
    CodePointSet current;
    std::vector<CodePointRange> ranges;
    for (bool is_first = true; is_first || !Peek("]"); is_first = false) {
      if (AtEnd()) return Malformed("a '[' without its ']'");
      if (Peek("[:")) return Unsupported("a POSIX class");
      if (Accept("[")) {
        AUTOGLM_ASSIGN_OR_RETURN(const CodePointSet nested, ParseClass(depth + 1));
        current.Add(nested);
      } else if (Accept("&&")) {
        current.Add(CodePointSet(ranges));
        result = result.Intersect(current);
        current = CodePointSet(), ranges.clear();
      } else {
        AUTOGLM_RETURN_IF_ERROR(ParseClassItem(&ranges, &current));
      }
    }
    Accept("]");
    current.Add(CodePointSet(ranges));
    result = Folded(result.Intersect(current));
    return negated ? result.Complement() : result;
  }

  // One character, range or escape of a class.
  Status ParseClassItem(std::vector<CodePointRange>* ranges, CodePointSet* sets) {
    CodePointSet set;
    AUTOGLM_ASSIGN_OR_RETURN(const char32_t first, ParseClassChar(&set));
    if (!set.ranges().empty()) {
      sets->Add(set);
      return OkStatus();
    }
    char32_t last = first;
    if (Peek("-") && !Peek("-]") && !Peek("-[")) {
      Accept("-");
      AUTOGLM_ASSIGN_OR_RETURN(last, ParseClassChar(&set));
      if (!set.ranges().empty()) return Malformed("a range that ends with a class");
      if (last < first) return Malformed("a range that runs backwards");
    }
    ranges->push_back({first, last});
    return OkStatus();
  }

  // A character; or an escape for many, in `set`.
  Result<char32_t> ParseClassChar(CodePointSet* set) {
    if (!Accept("\\")) return NextChar();
    if (Accept("b")) return char32_t{8};
    AUTOGLM_ASSIGN_OR_RETURN(CodePointSet escaped, ParseEscape());
    const auto ranges = escaped.ranges();
    if (ranges.size() == 1 && ranges[0].first == ranges[0].last) return ranges[0].first;
    *set = std::move(escaped);
    return char32_t{0};
  }

  // Behind a backslash: what stands for characters.
  Result<CodePointSet> ParseEscape() {
    AUTOGLM_ASSIGN_OR_RETURN(const char32_t c, NextChar());
    switch (c) {
      case 's':
        return CodePointSet(WhiteSpaceRanges());
      case 'S':
        return CodePointSet(WhiteSpaceRanges()).Complement();
      case 'd':
        return CodePointSet::OfCategories(CategoriesNamed("Nd"));
      case 'D':
        return CodePointSet::OfCategories(CategoriesNamed("Nd")).Complement();
      case 'w':
        return WordSet();
      case 'W':
        return WordSet().Complement();
      case 'p':
      case 'P':
        return ParseProperty(c == 'P');
      case 'n':
        return SingleSet('\n');
      case 'r':
        return SingleSet('\r');
      case 't':
        return SingleSet('\t');
      case 'f':
        return SingleSet('\f');
      case 'v':
        return SingleSet('\v');
      case 'a':
        return SingleSet(7);
      case 'e':
        return SingleSet(27);
      case '0':
        return SingleSet(0);
      case 'x':
        return ParseHex(2);
      case 'u':
        return ParseHex(4);
      default:
        if ((c >= '1' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
          return Unsupported("this escape or back-reference");
        }
        return SingleSet(c);
    }
  }

  // \xHH, \uHHHH, or either with braces.
  Result<CodePointSet> ParseHex(size_t n_digits) {
    const bool braces = Accept("{");
    uint32_t value = 0;
    size_t n = 0;
    for (; !AtEnd() && n < (braces ? 6 : n_digits); ++n, ++pos_) {
      const char d = pattern_[pos_];
      const int digit = d >= '0' && d <= '9'   ? d - '0'
                        : d >= 'a' && d <= 'f' ? d - 'a' + 10
                        : d >= 'A' && d <= 'F' ? d - 'A' + 10
                                               : -1;
      if (digit < 0) break;
      value = value << 4 | static_cast<uint32_t>(digit);
    }
    if (n == 0 || (braces && !Accept("}")) || value > kLastCodePoint) {
      return Malformed("a bad hexadecimal escape");
    }
    return SingleSet(value);
  }

  // Behind \p or \P: {Lu}, {^Lu}, {Script=Han}, {Han} or one letter.
  Result<CodePointSet> ParseProperty(bool negated) {
    std::string_view name = pattern_.substr(pos_, 1);
    if (Accept("{")) {
      const size_t end = pattern_.find('}', pos_);
      if (end == std::string_view::npos) return Malformed("an unfinished property");
      name = pattern_.substr(pos_, end - pos_);
      pos_ = end + 1;
    } else {
      pos_ += name.size();
    }
    if (name.starts_with('^')) negated = !negated, name.remove_prefix(1);
    for (std::string_view prefix : {"Script=", "sc=", "gc=", "IsScript="}) {
      if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    }
    CodePointSet set;
    if (const CategoryMask mask = CategoriesNamed(name); mask != 0) {
      set = CodePointSet::OfCategories(mask);
    } else if (const auto ranges = ScriptRanges(name); !ranges.empty()) {
      set = CodePointSet(ranges);
    } else {
      return Unsupported(StrCat("the property '", Quoted(name), "' before it"));
    }
    return negated ? set.Complement() : set;
  }

  std::string_view pattern_;
  size_t pos_ = 0;
  int n_repeats_ = 0;
  Flags flags_;
};

}  // namespace

Result<std::unique_ptr<RegexNode>> ParseRegex(std::string_view pattern) {
  return Parser(pattern).Parse();
}

}  // namespace autoglm

#include "sampling/grammar/schema/pattern.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "sampling/grammar/gbnf.h"

namespace autoglm {
namespace {

constexpr int kMaxNesting = 60;
constexpr uint32_t kNoMax = UINT32_MAX;
constexpr char32_t kLast = 0x10FFFF;

using Ranges = std::vector<CharRange>;

struct PatternNode {
  enum class Kind : uint8_t { kChars, kSequence, kChoice, kRepeat };
  Kind kind = Kind::kSequence;
  Ranges ranges = {};
  std::vector<PatternNode> children = {};
  uint32_t min = 0, max = 0;
};

const Ranges kDigit = {{'0', '9'}};
const Ranges kWord = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const Ranges kSpace = {{'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680},
                       {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                       {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
const Ranges kLineEnd = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

Ranges Inverted(Ranges ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const CharRange& a, const CharRange& b) { return a.first < b.first; });
  Ranges out;
  char32_t next = 0;
  for (const CharRange& range : ranges) {
    if (range.first > next) out.push_back({next, range.first - 1});
    next = std::max<char32_t>(next, range.last + 1);
  }
  if (next <= kLast) out.push_back({next, kLast});
  return out;
}

bool Contains(const Ranges& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](const CharRange& r) { return r.first <= c && c <= r.last; });
}

class PatternParser {
 public:
  explicit PatternParser(std::string_view pattern) : pattern_(pattern) {}

  struct Alternative {
    PatternNode node;
    bool from_start = false;
    bool to_end = false;
  };

  Result<std::vector<Alternative>> Parse() {
    std::vector<Alternative> alternatives;
    do {
      Alternative alternative;
      alternative.from_start = Take('^');
      AUTOGLM_ASSIGN_OR_RETURN(alternative.node, ParseSequence(0));
      alternative.to_end = Take('$');
      if (!AtEnd() && Peek() != '|') {
        return Peek() == '^' || Peek() == ')' || Peek() == '$'
                   ? Unsupported("an anchor or ) in this place")
                   : Wrong("unexpected character");
      }
      alternatives.push_back(std::move(alternative));
    } while (Take('|'));
    return alternatives;
  }

 private:
  bool AtEnd() const { return at_ >= pattern_.size(); }
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0';
  }
  bool Take(char c) {
    if (AtEnd() || Peek() != c) return false;
    return ++at_, true;
  }
  Status Wrong(std::string_view what) const {
    return Error(StatusCode::kInvalidArgument, "pattern '", Quoted(pattern_), "', offset ", at_,
                 ": ", what);
  }
  Status Unsupported(std::string_view what) const {
    return Error(StatusCode::kUnimplemented, "pattern '", Quoted(pattern_), "', offset ", at_, ": ",
                 what, " is not supported");
  }

  Result<PatternNode> ParseChoice(int nesting) {
    PatternNode choice{.kind = PatternNode::Kind::kChoice};
    do {
      AUTOGLM_ASSIGN_OR_RETURN(PatternNode sequence, ParseSequence(nesting));
      choice.children.push_back(std::move(sequence));
    } while (Take('|'));
    return choice;
  }

  Result<PatternNode> ParseSequence(int nesting) {
    PatternNode sequence;
    while (!AtEnd() && Peek() != '|' && Peek() != ')' && Peek() != '$' && Peek() != '^') {
      AUTOGLM_ASSIGN_OR_RETURN(PatternNode atom, ParseAtom(nesting));
      AUTOGLM_RETURN_IF_ERROR(ParseRepeat(&atom));
      sequence.children.push_back(std::move(atom));
    }
    return sequence;
  }

  Result<PatternNode> ParseAtom(int nesting) {
    if (Peek() == '(') return ParseGroup(nesting);
    PatternNode node{.kind = PatternNode::Kind::kChars};
    if (Take('.')) return node.ranges = Inverted(kLineEnd), node;
    if (Peek() == '*' || Peek() == '+' || Peek() == '?' || Peek() == '{') {
      return Wrong("nothing to repeat");
    }
    if (Peek() == '[') {
      AUTOGLM_ASSIGN_OR_RETURN(node.ranges, ParseClass());
      return node;
    }
    char32_t c = 0;
    AUTOGLM_RETURN_IF_ERROR(ParseChar(&c, &node.ranges));
    if (node.ranges.empty()) node.ranges = {{c, c}};
    return node;
  }

  Result<PatternNode> ParseGroup(int nesting) {
    if (nesting >= kMaxNesting) return Unsupported("nesting this deep");
    ++at_;
    if (Take('?') && !Take(':')) {
      const bool is_named = Peek() == '<' && Peek(1) != '=' && Peek(1) != '!';
      if (!is_named) return Unsupported("a group of this kind");
      at_ = std::min(pattern_.find('>', at_), pattern_.size() - 1) + 1;
    }
    AUTOGLM_ASSIGN_OR_RETURN(PatternNode group, ParseChoice(nesting + 1));
    if (!AtEnd() && Peek() != ')') return Unsupported("an anchor within a group");
    if (!Take(')')) return Wrong("a ( has no )");
    return group;
  }

  Status ParseRepeat(PatternNode* atom) {
    uint32_t min = 0, max = kNoMax;
    if (Take('?')) {
      max = 1;
    } else if (Take('+')) {
      min = 1;
    } else if (Peek() == '{') {
      AUTOGLM_RETURN_IF_ERROR(ParseBraces(&min, &max));
    } else if (!Take('*')) {
      return OkStatus();
    }
    Take('?');  // reluctant: the same texts
    PatternNode repeat{.kind = PatternNode::Kind::kRepeat, .min = min, .max = max};
    repeat.children.push_back(std::move(*atom));
    *atom = std::move(repeat);
    return OkStatus();
  }

  Status ParseBraces(uint32_t* min, uint32_t* max) {
    ++at_;
    const auto number = [&](uint32_t* value) {
      const size_t begin = at_;
      uint64_t n = 0;
      for (; Peek() >= '0' && Peek() <= '9'; ++at_) {
        n = std::min<uint64_t>(n * 10 + static_cast<uint64_t>(Peek() - '0'), 100'000);
      }
      *value = static_cast<uint32_t>(n);
      return at_ > begin;
    };
    if (!number(min)) return Wrong("expected a number of repetitions");
    *max = *min;
    if (Take(',')) {
      *max = kNoMax;
      if (Peek() != '}') number(max);
    }
    if (!Take('}') || *max < *min) return Wrong("expected {n}, {n,} or {n,m}");
    return OkStatus();
  }

  Result<Ranges> ParseClass() {
    ++at_;
    const bool inverted = Take('^');
    Ranges ranges;
    while (!AtEnd() && Peek() != ']') {
      CharRange range{};
      Ranges set;
      AUTOGLM_RETURN_IF_ERROR(ParseChar(&range.first, &set));
      range.last = range.first;
      if (set.empty() && Peek() == '-' && Peek(1) != ']') {
        ++at_;
        AUTOGLM_RETURN_IF_ERROR(ParseChar(&range.last, &set));
        if (!set.empty() || range.last < range.first) return Wrong("a range that is none");
      }
      if (set.empty()) set = {range};
      ranges.insert(ranges.end(), set.begin(), set.end());
    }
    if (!Take(']')) return Wrong("a [ has no ]");
    if (inverted) ranges = Inverted(std::move(ranges));
    if (ranges.empty()) return Wrong("[] matches nothing");
    return ranges;
  }

  // One character into `c`, or a set of them into `set`.
  Status ParseChar(char32_t* c, Ranges* set) {
    if (AtEnd()) return Wrong("unexpected end");
    if (Peek() != '\\') {
      const Utf8Char decoded = DecodeUtf8(pattern_.substr(at_));
      at_ += decoded.n_bytes;
      return *c = decoded.code_point, OkStatus();
    }
    const char letter = Peek(1);
    at_ += 2;
    switch (letter) {
      case 'd':
        return *set = kDigit, OkStatus();
      case 'D':
        return *set = Inverted(kDigit), OkStatus();
      case 'w':
        return *set = kWord, OkStatus();
      case 'W':
        return *set = Inverted(kWord), OkStatus();
      case 's':
        return *set = kSpace, OkStatus();
      case 'S':
        return *set = Inverted(kSpace), OkStatus();
      case 't':
        return *c = '\t', OkStatus();
      case 'n':
        return *c = '\n', OkStatus();
      case 'r':
        return *c = '\r', OkStatus();
      case 'f':
        return *c = '\f', OkStatus();
      case 'v':
        return *c = '\v', OkStatus();
      case 'x':
        return ParseHex(2, c);
      case 'u':
        return ParseUnicode(c);
      default:
        break;
    }
    constexpr std::string_view kSyntax = "^$\\.*+?()[]{}|/-\"'`~!@#%&=:;<>, _";
    if (letter == '\0' || kSyntax.find(letter) == std::string_view::npos) {
      at_ -= 2;
      return Unsupported("this escape");
    }
    return *c = static_cast<unsigned char>(letter), OkStatus();
  }

  Status ParseUnicode(char32_t* c) {
    if (!Take('{')) return ParseHex(4, c);
    const size_t end = pattern_.find('}', at_);
    if (end == std::string_view::npos || end == at_ || end - at_ > 6)
      return Wrong("expected \\u{...}");
    AUTOGLM_RETURN_IF_ERROR(ParseHex(static_cast<int>(end - at_), c));
    return ++at_, OkStatus();
  }

  Status ParseHex(int n_digits, char32_t* c) {
    *c = 0;
    for (int i = 0; i < n_digits; ++i, ++at_) {
      const char digit = Peek();
      const char lower = static_cast<char>(digit | 0x20);
      if (digit >= '0' && digit <= '9') {
        *c = *c * 16 + static_cast<char32_t>(digit - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        *c = *c * 16 + static_cast<char32_t>(lower - 'a' + 10);
      } else {
        return Wrong("expected a hexadecimal digit");
      }
    }
    if (*c > kLast || (*c >= 0xD800 && *c <= 0xDFFF)) return Wrong("this is no character");
    return OkStatus();
  }

  std::string_view pattern_;
  size_t at_ = 0;
};

uint32_t Plus(uint32_t a, uint32_t b) { return a == kNoMax || b == kNoMax ? kNoMax : a + b; }

// In characters.
PatternLength LengthOf(const PatternNode& node) {
  if (node.kind == PatternNode::Kind::kChars) return {1, 1};
  PatternLength length = {0, 0};
  bool is_first = true;
  for (const PatternNode& child : node.children) {
    const PatternLength part = LengthOf(child);
    if (node.kind == PatternNode::Kind::kSequence) {
      length = {length.min + part.min, Plus(length.max, part.max)};
    } else if (node.kind == PatternNode::Kind::kChoice) {
      length = {is_first ? part.min : std::min(length.min, part.min),
                std::max(length.max, part.max)};
    } else {
      const uint64_t most = uint64_t{part.max} * node.max;
      const bool has_no_max = node.max == kNoMax || part.max == kNoMax || most >= kNoMax;
      length.min = static_cast<uint32_t>(std::min<uint64_t>(uint64_t{part.min} * node.min, kNoMax));
      length.max = part.max == 0 || node.max == 0 ? 0 : has_no_max ? kNoMax : uint32_t(most);
    }
    is_first = false;
  }
  return length;
}

// Where one part of a sequence repeats single characters and all others have one length, the bounds
// can be kept by its count.
bool KeepLength(PatternLength wanted, PatternNode* sequence) {
  if (sequence->kind == PatternNode::Kind::kChoice && sequence->children.size() == 1) {
    return KeepLength(wanted, &sequence->children[0]);
  }
  PatternNode* repeat = nullptr;
  uint32_t fixed = 0;
  if (sequence->kind != PatternNode::Kind::kSequence) return false;
  for (PatternNode& child : sequence->children) {
    const PatternLength part = LengthOf(child);
    if (part.min == part.max) {
      fixed += part.min;
    } else if (repeat == nullptr && child.kind == PatternNode::Kind::kRepeat &&
               LengthOf(child.children[0]).min == 1 && LengthOf(child.children[0]).max == 1) {
      repeat = &child;
    } else {
      return false;
    }
  }
  if (repeat == nullptr || wanted.max < fixed) return false;
  repeat->min = std::max(repeat->min, wanted.min > fixed ? wanted.min - fixed : 0);
  if (wanted.max != kNoMax) repeat->max = std::min(repeat->max, wanted.max - fixed);
  return repeat->min <= repeat->max;
}

std::string Escape(char32_t c) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out = "\\U00000000";
  for (size_t i = out.size() - 1; c != 0; --i, c >>= 4) out[i] = kHex[c & 15];
  return out;
}

// The characters that are escaped, and with which letter.
struct Escapes {
  std::string_view chars, letters;
};

Escapes EscapesOf(PatternForm::Text text) {
  switch (text) {
    case PatternForm::Text::kJson:
      return {"\"\\\b\f\n\r\t", "\"\\bfnrt"};
    case PatternForm::Text::kJsonWithoutSlash:
      return {"\"\\\b\f\n\r\t/", "\"\\bfnrt/"};
    case PatternForm::Text::kBare:
      break;
  }
  return {};
}

// One character. In JSON, control characters without a short escape are left out.
std::string CharsGbnf(const Ranges& ranges, PatternForm form) {
  const Escapes escapes = EscapesOf(form.text);
  Ranges not_plain = Inverted(ranges);
  if (form.text != PatternForm::Text::kBare) not_plain.push_back({0, 0x1F});
  if (ranges.size() != 1 || ranges[0].first != ranges[0].last) {
    for (const char c : form.avoided) {
      not_plain.push_back({static_cast<unsigned char>(c), static_cast<unsigned char>(c)});
    }
  }
  for (const char c : escapes.chars) {
    const auto escaped = static_cast<unsigned char>(c);
    not_plain.push_back({escaped, escaped});
  }
  std::string plain, escaped;
  for (const CharRange& range : Inverted(std::move(not_plain))) {
    plain += Escape(range.first == 0xD800                            ? 0xE000
                    : range.first >= 0xD800 && range.first <= 0xDFFF ? 0xE000
                                                                     : range.first);
    const char32_t last = range.last >= 0xD800 && range.last <= 0xDFFF ? 0xD7FF : range.last;
    if (last > range.first) StrAppend(&plain, "-", Escape(last));
  }
  for (size_t i = 0; i < escapes.chars.size(); ++i) {
    if (!Contains(ranges, static_cast<unsigned char>(escapes.chars[i]))) continue;
    if (escapes.letters[i] == '"' || escapes.letters[i] == '\\') escaped += '\\';
    escaped += escapes.letters[i];
  }
  if (escaped.empty()) return StrCat("[", plain, "]");
  const std::string with_escape = StrCat("\"\\\\\" [", escaped, "]");
  return plain.empty() ? StrCat("(", with_escape, ")")
                       : StrCat("([", plain, "] | ", with_escape, ")");
}

Status AppendGbnf(const PatternNode& node, PatternForm form, std::string* out) {
  switch (node.kind) {
    case PatternNode::Kind::kChars: {
      const std::string chars = CharsGbnf(node.ranges, form);
      if (chars == "[]") {
        return Error(StatusCode::kUnimplemented, "a pattern of control characters");
      }
      *out += chars;
      return OkStatus();
    }
    case PatternNode::Kind::kRepeat:
      *out += "(";
      AUTOGLM_RETURN_IF_ERROR(AppendGbnf(node.children[0], form, out));
      StrAppend(out, "){", node.min, ",");
      if (node.max != kNoMax) StrAppend(out, node.max);
      *out += "}";
      return OkStatus();
    default: {
      const bool is_choice = node.kind == PatternNode::Kind::kChoice;
      *out += "(";
      for (size_t i = 0; i < node.children.size(); ++i) {
        if (i > 0) *out += is_choice ? " | " : " ";
        AUTOGLM_RETURN_IF_ERROR(AppendGbnf(node.children[i], form, out));
      }
      if (node.children.empty()) *out += "\"\"";
      *out += ")";
      return OkStatus();
    }
  }
}

}  // namespace

Result<std::string> PatternToGbnf(std::string_view pattern, PatternLength wanted,
                                  std::string_view any_char, PatternForm form) {
  AUTOGLM_ASSIGN_OR_RETURN(std::vector<PatternParser::Alternative> alternatives,
                           PatternParser(pattern).Parse());
  std::string out;
  for (PatternParser::Alternative& alternative : alternatives) {
    const PatternLength length = LengthOf(alternative.node);
    const bool is_bounded = alternative.from_start && alternative.to_end;
    const bool fits = length.min >= wanted.min && (is_bounded ? length.max : kNoMax) <= wanted.max;
    if (!fits && !(is_bounded && KeepLength(wanted, &alternative.node))) {
      return Error(StatusCode::kUnimplemented, "pattern '", Quoted(pattern),
                   "' together with minLength or maxLength is not supported");
    }
    if (!out.empty()) out += " | ";
    if (!alternative.from_start) StrAppend(&out, any_char, "* ");
    AUTOGLM_RETURN_IF_ERROR(AppendGbnf(alternative.node, form, &out));
    if (!alternative.to_end) StrAppend(&out, " ", any_char, "*");
  }
  return StrCat("(", out, ")");
}

}  // namespace autoglm

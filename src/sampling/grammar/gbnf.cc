#include "sampling/grammar/gbnf.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/utf8.h"

namespace autoglm {
namespace {

constexpr size_t kMaxTextBytes = 4u << 20;
constexpr int kMaxNesting = 200;
constexpr uint32_t kMaxRepeats = 65535;
constexpr int kMaxSuffixes = 16;  // "a"*?+ ...
constexpr char32_t kMaxCodePoint = 0x10FFFF;

bool IsNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

bool IsScalarValue(char32_t c) { return c <= kMaxCodePoint && !(c >= 0xD800 && c <= 0xDFFF); }

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Sorts, joins what touches, and without surrogates; inverted if asked for.
std::vector<CharRange> Normalized(std::vector<CharRange> ranges, bool inverted) {
  std::sort(ranges.begin(), ranges.end(),
            [](const CharRange& a, const CharRange& b) { return a.first < b.first; });
  std::vector<CharRange> joined;
  for (const CharRange& range : ranges) {
    if (!joined.empty() && range.first <= joined.back().last + 1) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  if (inverted) {
    std::vector<CharRange> rest;
    char32_t next = 0;
    for (const CharRange& range : joined) {
      if (range.first > next) rest.push_back({next, range.first - 1});
      next = range.last + 1;
    }
    if (next <= kMaxCodePoint) rest.push_back({next, kMaxCodePoint});
    joined = std::move(rest);
  }
  std::vector<CharRange> out;
  for (const CharRange& range : joined) {
    if (range.first < 0xD800) out.push_back({range.first, std::min<char32_t>(range.last, 0xD7FF)});
    if (range.last > 0xDFFF) out.push_back({std::max<char32_t>(range.first, 0xE000), range.last});
  }
  return out;
}

/// Recursive descent over the text. After a failure `status_` is set and every function returns at
/// once.
class GbnfParser {
 public:
  explicit GbnfParser(std::string_view text) : text_(text) {}

  Result<GbnfGrammar> Parse();

 private:
  using Kind = GbnfNode::Kind;

  bool Fail(std::string_view what) { return FailAt(at_, StatusCode::kInvalidArgument, what); }
  bool FailAt(size_t at, StatusCode code, std::string_view what);
  std::string Found() const;

  char Peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool AtEnd() const { return at_ >= text_.size(); }
  void SkipSpace(bool newlines);
  bool AtAlternative();

  uint32_t Add(GbnfNode node) {
    grammar_.nodes.push_back(std::move(node));
    return static_cast<uint32_t>(grammar_.nodes.size() - 1);
  }
  uint32_t RuleIndex(std::string_view name, size_t at);
  std::string_view ParseName();
  bool ParseRule();
  bool ParseChoice(int nesting, uint32_t* node);
  bool ParseSequence(int nesting, uint32_t* node);
  bool ParseItem(int nesting, uint32_t* node);
  bool ParseRepeats(uint32_t* node);
  bool ParseCount(uint32_t* count);
  bool ParseBraces(uint32_t* min, uint32_t* max);
  bool ParseLiteral(uint32_t* node);
  bool ParseClass(uint32_t* node);
  bool ParseToken(uint32_t* node);
  bool ParseChar(char32_t* c);
  bool ParseEscape(char32_t* c);

  std::string_view text_;
  size_t at_ = 0;
  Status status_;
  GbnfGrammar grammar_;
  std::unordered_map<std::string, uint32_t> rule_of_name_;
  std::vector<size_t> first_mention_;  ///< [rules] offset in the text
};

bool GbnfParser::FailAt(size_t at, StatusCode code, std::string_view what) {
  const std::string_view before = text_.substr(0, at);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t begin = before.rfind('\n') + 1;  // npos + 1 is 0
  if (status_.ok()) {
    status_ = Error(code, "grammar, line ", line, ", column ", at - begin + 1, ": ", what);
  }
  return false;
}

std::string GbnfParser::Found() const {
  if (AtEnd()) return "the end";
  if (Peek() == '\n' || Peek() == '\r') return "the end of the line";
  return StrCat("'", Quoted(text_.substr(at_, 12)), "'");
}

void GbnfParser::SkipSpace(bool newlines) {
  while (!AtEnd()) {
    const char c = Peek();
    if (c == '#') {
      while (!AtEnd() && Peek() != '\n' && Peek() != '\r') ++at_;
    } else if (c == ' ' || c == '\t' || (newlines && (c == '\n' || c == '\r'))) {
      ++at_;
    } else {
      return;
    }
  }
}

// Whether a '|' comes next, on this line or first on a later one; moves there if so.
bool GbnfParser::AtAlternative() {
  const size_t before = at_;
  SkipSpace(/*newlines=*/true);
  if (Peek() == '|') return true;
  at_ = before;
  return false;
}

uint32_t GbnfParser::RuleIndex(std::string_view name, size_t at) {
  const auto next = static_cast<uint32_t>(grammar_.rule_names.size());
  const auto [it, is_new] = rule_of_name_.try_emplace(std::string(name), next);
  if (is_new) {
    grammar_.rule_names.emplace_back(name);
    grammar_.rule_nodes.push_back(GbnfGrammar::kNoRule);
    first_mention_.push_back(at);
  }
  return it->second;
}

std::string_view GbnfParser::ParseName() {
  const size_t begin = at_;
  while (!AtEnd() && IsNameChar(Peek())) ++at_;
  return text_.substr(begin, at_ - begin);
}

Result<GbnfGrammar> GbnfParser::Parse() {
  if (text_.size() > kMaxTextBytes) {
    return Error(StatusCode::kResourceExhausted, "a grammar of ", text_.size(), " bytes; at most ",
                 kMaxTextBytes, " are read");
  }
  SkipSpace(/*newlines=*/true);
  while (!AtEnd()) {
    if (!ParseRule()) return status_;
    SkipSpace(/*newlines=*/true);
  }
  if (grammar_.rule_names.empty()) {
    return Error(StatusCode::kInvalidArgument, "the grammar has no rules; expected root ::= ...");
  }
  for (size_t rule = 0; rule < grammar_.rule_nodes.size(); ++rule) {
    if (grammar_.rule_nodes[rule] != GbnfGrammar::kNoRule) continue;
    FailAt(first_mention_[rule], StatusCode::kInvalidArgument,
           StrCat("rule '", grammar_.rule_names[rule], "' is used, but nowhere defined"));
    return status_;
  }
  return std::move(grammar_);
}

bool GbnfParser::ParseRule() {
  const size_t begin = at_;
  const std::string_view name = ParseName();
  if (name.empty()) return Fail(StrCat("expected a rule's name, found ", Found()));
  SkipSpace(/*newlines=*/false);
  if (text_.substr(at_, 3) != "::=") return Fail(StrCat("expected ::=, found ", Found()));
  at_ += 3;
  const uint32_t rule = RuleIndex(name, begin);
  if (grammar_.rule_nodes[rule] != GbnfGrammar::kNoRule) {
    return FailAt(begin, StatusCode::kInvalidArgument,
                  StrCat("rule '", name, "' is defined a second time"));
  }
  SkipSpace(/*newlines=*/true);
  uint32_t node = 0;
  if (!ParseChoice(0, &node)) return false;
  grammar_.rule_nodes[rule] = node;
  SkipSpace(/*newlines=*/false);
  if (!AtEnd() && Peek() != '\n' && Peek() != '\r') {
    return Fail(StrCat("expected the end of rule '", name, "', found ", Found()));
  }
  return true;
}

bool GbnfParser::ParseChoice(int nesting, uint32_t* node) {
  GbnfNode choice{.kind = Kind::kChoice};
  while (true) {
    uint32_t sequence = 0;
    if (!ParseSequence(nesting, &sequence)) return false;
    choice.children.push_back(sequence);
    if (!AtAlternative()) break;
    ++at_;
    SkipSpace(/*newlines=*/true);
  }
  *node = choice.children.size() == 1 ? choice.children[0] : Add(std::move(choice));
  return true;
}

bool GbnfParser::ParseSequence(int nesting, uint32_t* node) {
  GbnfNode sequence{.kind = Kind::kSequence};
  while (true) {
    SkipSpace(/*newlines=*/nesting > 0);
    const char c = Peek();
    const bool begins_item =
        c == '"' || c == '[' || c == '(' || c == '.' || c == '<' || IsNameChar(c);
    if (AtEnd() || !begins_item) break;
    uint32_t item = 0;
    if (!ParseItem(nesting, &item) || !ParseRepeats(&item)) return false;
    sequence.children.push_back(item);
  }
  *node = sequence.children.size() == 1 ? sequence.children[0] : Add(std::move(sequence));
  return true;
}

bool GbnfParser::ParseItem(int nesting, uint32_t* node) {
  switch (Peek()) {
    case '"':
      return ParseLiteral(node);
    case '[':
      return ParseClass(node);
    case '<':
      return ParseToken(node);
    case '.':
      ++at_;
      *node = Add({.kind = Kind::kChars, .ranges = Normalized({}, /*inverted=*/true)});
      return true;
    case '(': {
      if (nesting >= kMaxNesting) {
        return FailAt(at_, StatusCode::kResourceExhausted,
                      StrCat("groups are nested more than ", kMaxNesting, " deep"));
      }
      const size_t begin = at_++;
      SkipSpace(/*newlines=*/true);
      if (!ParseChoice(nesting + 1, node)) return false;
      SkipSpace(/*newlines=*/true);
      if (Peek() != ')') {
        const bool open = AtEnd();
        return FailAt(open ? begin : at_, StatusCode::kInvalidArgument,
                      open ? "this ( has no )" : StrCat("expected ), found ", Found()));
      }
      ++at_;
      return true;
    }
    default: {
      const size_t begin = at_;
      const std::string_view name = ParseName();
      *node = Add({.kind = Kind::kRule, .rule = RuleIndex(name, begin)});
      return true;
    }
  }
}

bool GbnfParser::ParseRepeats(uint32_t* node) {
  for (int n_suffixes = 0;; ++n_suffixes) {
    uint32_t min = 0;
    uint32_t max = GbnfNode::kNoMax;
    switch (Peek()) {
      case '*':
        break;
      case '+':
        min = 1;
        break;
      case '?':
        max = 1;
        break;
      case '{':
        if (!ParseBraces(&min, &max)) return false;
        break;
      default:
        return true;
    }
    if (n_suffixes == kMaxSuffixes) return Fail("too many repetitions of a repetition");
    ++at_;
    *node = Add({.kind = Kind::kRepeat, .children = {*node}, .min = min, .max = max});
  }
}

bool GbnfParser::ParseCount(uint32_t* count) {
  const size_t begin = at_;
  uint64_t value = 0;
  for (; Peek() >= '0' && Peek() <= '9'; ++at_) {
    value = std::min<uint64_t>(value * 10 + static_cast<uint64_t>(Peek() - '0'), kMaxRepeats + 1);
  }
  if (at_ == begin) return Fail(StrCat("expected a number of repetitions, found ", Found()));
  if (value > kMaxRepeats) {
    return FailAt(begin, StatusCode::kResourceExhausted,
                  StrCat("more than ", kMaxRepeats, " repetitions"));
  }
  *count = static_cast<uint32_t>(value);
  return true;
}

// At '{'; ends at '}'.
bool GbnfParser::ParseBraces(uint32_t* min, uint32_t* max) {
  const size_t begin = at_++;
  SkipSpace(false);
  if (Peek() != ',' && !ParseCount(min)) return false;
  SkipSpace(false);
  if (Peek() == ',') {
    ++at_;
    SkipSpace(false);
    if (Peek() != '}' && !ParseCount(max)) return false;
    SkipSpace(false);
  } else {
    *max = *min;
  }
  if (Peek() != '}') return Fail(StrCat("expected }, found ", Found()));
  if (*max >= *min) return true;
  return FailAt(begin, StatusCode::kInvalidArgument,
                StrCat("at least ", *min, " and at most ", *max, " repetitions"));
}

bool GbnfParser::ParseLiteral(uint32_t* node) {
  const size_t begin = at_++;
  GbnfNode literal{.kind = Kind::kLiteral};
  while (Peek() != '"') {
    if (AtEnd() || Peek() == '\n') {
      return FailAt(begin, StatusCode::kInvalidArgument, "this literal has no closing \"");
    }
    char32_t c = 0;
    if (!ParseChar(&c)) return false;
    AppendUtf8(&literal.text, c);
  }
  ++at_;
  *node = Add(std::move(literal));
  return true;
}

bool GbnfParser::ParseClass(uint32_t* node) {
  const size_t begin = at_++;
  const bool inverted = Peek() == '^';
  if (inverted) ++at_;
  std::vector<CharRange> ranges;
  while (Peek() != ']') {
    if (AtEnd() || Peek() == '\n') {
      return FailAt(begin, StatusCode::kInvalidArgument, "this [ has no ]");
    }
    CharRange range{};
    if (!ParseChar(&range.first)) return false;
    range.last = range.first;
    if (Peek() == '-' && Peek(1) != ']') {
      ++at_;
      const size_t at = at_;
      if (AtEnd()) return FailAt(begin, StatusCode::kInvalidArgument, "this [ has no ]");
      if (!ParseChar(&range.last)) return false;
      if (range.last < range.first) {
        return FailAt(at, StatusCode::kInvalidArgument,
                      "a range of characters that runs backwards");
      }
    }
    ranges.push_back(range);
  }
  ++at_;
  if (ranges.empty() && !inverted) {
    return FailAt(begin, StatusCode::kInvalidArgument, "[] matches nothing");
  }
  *node = Add({.kind = Kind::kChars, .ranges = Normalized(std::move(ranges), inverted)});
  return true;
}

// <[123]> by its id, <name> as the vocabulary spells it (with the angle brackets).
bool GbnfParser::ParseToken(uint32_t* node) {
  const size_t begin = at_;
  const size_t end = text_.find_first_of(">\n\r", at_);
  if (end == std::string_view::npos || text_[end] != '>') {
    return FailAt(begin, StatusCode::kInvalidArgument, "this < has no >");
  }
  if (Peek(1) != '[') {
    at_ = end + 1;
    *node = Add({.kind = Kind::kToken, .text = std::string(text_.substr(begin, at_ - begin))});
    return true;
  }
  at_ += 2;
  uint64_t id = 0;
  for (; Peek() >= '0' && Peek() <= '9' && id < (1u << 24); ++at_) {
    id = id * 10 + static_cast<uint64_t>(Peek() - '0');
  }
  if (at_ == begin + 2 || Peek() != ']' || Peek(1) != '>' || id >= (1u << 24)) {
    return FailAt(begin, StatusCode::kInvalidArgument, "expected a token id as in <[123]>");
  }
  at_ += 2;
  *node = Add({.kind = Kind::kToken, .token = static_cast<int32_t>(id)});
  return true;
}

bool GbnfParser::ParseChar(char32_t* c) {
  if (Peek() == '\\') return ParseEscape(c);
  const Utf8Char decoded = DecodeUtf8(text_.substr(at_));
  if (!decoded.valid) return Fail("this is not UTF-8");
  at_ += decoded.n_bytes;
  *c = decoded.code_point;
  return true;
}

bool GbnfParser::ParseEscape(char32_t* c) {
  const size_t begin = at_;
  const char letter = Peek(1);
  constexpr std::string_view kThemselves = "\\\"[]-^'/.";
  at_ += 2;
  int n_digits = 0;
  switch (letter) {
    case 'n':
      return *c = '\n', true;
    case 'r':
      return *c = '\r', true;
    case 't':
      return *c = '\t', true;
    case 'x':
      n_digits = 2;
      break;
    case 'u':
      n_digits = 4;
      break;
    case 'U':
      n_digits = 8;
      break;
    default:
      if (letter != '\0' && kThemselves.find(letter) != std::string_view::npos) {
        return *c = static_cast<unsigned char>(letter), true;
      }
      return FailAt(begin, StatusCode::kInvalidArgument,
                    StrCat("unknown escape '", Quoted(text_.substr(begin, 2)), "'"));
  }
  uint64_t value = 0;
  for (int i = 0; i < n_digits; ++i, ++at_) {
    const int digit = HexValue(Peek());
    if (digit < 0) {
      return Fail(StrCat("expected ", n_digits, " hexadecimal digits, found ", Found()));
    }
    value = value * 16 + static_cast<uint64_t>(digit);
  }
  if (value > kMaxCodePoint || !IsScalarValue(static_cast<char32_t>(value))) {
    return FailAt(begin, StatusCode::kInvalidArgument, "this is no character of Unicode");
  }
  *c = static_cast<char32_t>(value);
  return true;
}

}  // namespace

uint32_t GbnfGrammar::FindRule(std::string_view name) const {
  const auto it = std::find(rule_names.begin(), rule_names.end(), name);
  return it == rule_names.end() ? kNoRule : static_cast<uint32_t>(it - rule_names.begin());
}

Result<GbnfGrammar> ParseGbnf(std::string_view text) { return GbnfParser(text).Parse(); }

std::string GbnfLiteral(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace autoglm

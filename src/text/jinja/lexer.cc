#include "text/jinja/lexer.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/utf8.h"
#include "text/jinja/strings.h"

namespace autoglm::jinja {

namespace {

constexpr size_t kNone = std::string_view::npos;

bool IsAsciiDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}
int DigitValue(char c) {
  if (IsAsciiDigit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> Run() {
    while (error_.ok() && at_ < source_.size()) LexData();
    if (!error_.ok()) return error_;
    Add(TokenKind::kEnd, at_);
    return std::move(tokens_);
  }

 private:
  // Text up to the next tag, and the tag.
  void LexData() {
    const size_t tag = FindTag();
    if (tag == kNone) {
      AddData(source_.substr(at_));
      at_ = source_.size();
      return;
    }
    const char type = source_[tag + 1];
    size_t inside = tag + 2;
    const char sign = inside < source_.size() ? source_[inside] : '\0';
    if (sign == '-' || sign == '+') ++inside;
    std::string_view text = source_.substr(at_, tag - at_);
    AddData(TrimBeforeTag(text, sign, type == '{'));
    at_ = inside;
    if (type == '#') return LexComment(tag);
    if (type == '%' && LexRaw(tag)) return;
    LexTag(type, tag);
  }

  size_t FindTag() const {
    for (size_t i = at_; (i = source_.find('{', i)) != kNone; ++i) {
      const char next = i + 1 < source_.size() ? source_[i + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') return i;
    }
    return kNone;
  }

  // What a tag leaves of the text before it.
  std::string_view TrimBeforeTag(std::string_view text, char sign, bool is_variable) const {
    if (sign == '-') return Strip(text, std::nullopt, Side::kRight);
    if (sign == '+' || is_variable) return text;
    const size_t newline = text.rfind('\n');
    if (newline == kNone && !line_starting_) return text;
    const size_t line = newline == kNone ? 0 : newline + 1;
    const bool blank = Strip(text.substr(line), std::nullopt, Side::kRight).empty();
    return blank ? text.substr(0, line) : text;
  }

  void LexComment(size_t tag) {
    const size_t end = source_.find("#}", at_);
    if (end == kNone) return Fail(tag, "this comment is not closed by '#}'");
    const char sign = end > at_ ? source_[end - 1] : '\0';
    EndTag(end + 2, sign, /*trims_newline=*/true);
  }

  // {% raw %} ... {% endraw %}; false if the tag is another one. at_ is behind "{%" and its sign.
  bool LexRaw(size_t tag) {
    size_t i = SkipSpace(at_);
    if (!source_.substr(i).starts_with("raw")) return false;
    i = SkipSpace(i + 3);
    const bool strips = source_.substr(i).starts_with("-%}");
    if (!strips && !source_.substr(i).starts_with("%}")) return false;
    size_t body = i + (strips ? 3 : 2);
    if (strips) body = SkipSpace(body);
    line_starting_ = source_[body - 1] == '\n';
    for (size_t open = body; (open = source_.find("{%", open)) != kNone; ++open) {
      size_t j = open + 2;
      const char sign = j < source_.size() ? source_[j] : '\0';
      if (sign == '-' || sign == '+') ++j;
      j = SkipSpace(j);
      if (!source_.substr(j).starts_with("endraw")) continue;
      j = SkipSpace(j + 6);
      const char end_sign = j < source_.size() ? source_[j] : '\0';
      if (end_sign == '-' || end_sign == '+') ++j;
      if (!source_.substr(j).starts_with("%}")) continue;
      at_ = body;
      AddData(TrimBeforeTag(source_.substr(body, open - body), sign, false));
      EndTag(j + 2, end_sign, /*trims_newline=*/true);
      return true;
    }
    Fail(tag, "this raw block is not closed by '{% endraw %}'");
    return true;
  }

  void LexTag(char type, size_t tag) {
    const bool is_variable = type == '{';
    Add(is_variable ? TokenKind::kVariableBegin : TokenKind::kBlockBegin, tag);
    const std::string_view closer = is_variable ? "}}" : "%}";
    std::string open_brackets;
    while (error_.ok()) {
      at_ = SkipSpace(at_);
      if (at_ >= source_.size()) {
        return Fail(tag, "this tag is not closed by '", closer, "'");
      }
      if (open_brackets.empty() && LexTagEnd(is_variable, closer)) return;
      LexToken(&open_brackets);
    }
  }

  bool LexTagEnd(bool is_variable, std::string_view closer) {
    const char c = source_[at_];
    const bool has_sign = c == '-' || (c == '+' && !is_variable);
    const size_t i = at_ + (has_sign ? 1 : 0);
    if (!source_.substr(i).starts_with(closer)) return false;
    Add(is_variable ? TokenKind::kVariableEnd : TokenKind::kBlockEnd, at_);
    EndTag(i + 2, has_sign ? c : '\0', /*trims_newline=*/!is_variable);
    return true;
  }

  // Moves behind a tag that ends before `end`, with what its sign swallows.
  void EndTag(size_t end, char sign, bool trims_newline) {
    at_ = end;
    if (sign == '-') {
      at_ = SkipSpace(at_);
    } else if (sign != '+' && trims_newline && at_ < source_.size() && source_[at_] == '\n') {
      ++at_;
    }
    line_starting_ = source_[at_ - 1] == '\n';
  }

  void LexToken(std::string* open_brackets) {
    const char c = source_[at_];
    if (IsAsciiDigit(c)) return LexNumber();
    if (IsNameStart(c)) return LexName();
    if (c == '\'' || c == '"') return LexString(c);
    LexOperator(open_brackets);
  }

  void LexName() {
    size_t end = at_;
    while (end < source_.size() && (IsNameStart(source_[end]) || IsAsciiDigit(source_[end]))) ++end;
    // Names may hold letters of any script, but no other characters.
    for (size_t i = at_; i < end;) {
      const Utf8Char c = DecodeUtf8(source_.substr(i));
      if (c.code_point >= 0x80 && !IsAlnum(c.code_point)) {
        return Fail(i, "unexpected character in a name");
      }
      i += c.n_bytes;
    }
    Add(TokenKind::kName, at_).text = source_.substr(at_, end - at_);
    at_ = end;
  }

  // Digits with single underscores between them; `i` moves behind.
  static size_t SkipDigits(std::string_view s, size_t i, int base) {
    while (i < s.size() && (DigitValue(s[i]) < base ||
                            (s[i] == '_' && i + 1 < s.size() && DigitValue(s[i + 1]) < base))) {
      ++i;
    }
    return i;
  }

  // The end of a float that begins at at_, or npos.
  size_t FloatEnd() const {
    if (at_ > 0 && source_[at_ - 1] == '.') return kNone;
    const auto digit_at = [&](size_t i) { return i < source_.size() && IsAsciiDigit(source_[i]); };
    size_t i = SkipDigits(source_, at_, 10);
    const size_t whole = i;
    if (i < source_.size() && source_[i] == '.' && digit_at(i + 1)) {
      i = SkipDigits(source_, i + 1, 10);
    }
    if (i < source_.size() && (source_[i] | 0x20) == 'e') {
      size_t exponent = i + 1;
      const bool sign =
          exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-');
      if (sign) ++exponent;
      if (digit_at(exponent)) return SkipDigits(source_, exponent, 10);
    }
    return i == whole ? kNone : i;
  }

  static std::string WithoutUnderscores(std::string_view text) {
    std::string out(text);
    out.erase(std::remove(out.begin(), out.end(), '_'), out.end());
    return out;
  }

  void LexNumber() {
    const size_t float_end = FloatEnd();
    if (float_end != kNone) {
      const std::string digits = WithoutUnderscores(source_.substr(at_, float_end - at_));
      double number = 0;
      const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
      if (parsed.ec != std::errc()) number = FloatOutOfRange(digits);
      Add(TokenKind::kFloat, at_).number = number;
      at_ = float_end;
      return;
    }
    int base = 10;
    size_t start = at_;
    if (source_[at_] == '0' && at_ + 1 < source_.size()) {
      const char prefix = static_cast<char>(source_[at_ + 1] | 0x20);
      const int prefixed = prefix == 'x' ? 16 : prefix == 'o' ? 8 : prefix == 'b' ? 2 : 0;
      const size_t digits = at_ + 2 + (at_ + 2 < source_.size() && source_[at_ + 2] == '_');
      if (prefixed != 0 && digits < source_.size() && DigitValue(source_[digits]) < prefixed) {
        base = prefixed, start = digits;
      }
    }
    // A decimal that begins with 0 is nothing but zeros.
    const bool zeros = base == 10 && source_[at_] == '0';
    const size_t end = SkipDigits(source_, start, zeros ? 1 : base);
    const std::string digits = WithoutUnderscores(source_.substr(start, end - start));
    int64_t integer = 0;
    const auto parsed =
        std::from_chars(digits.data(), digits.data() + digits.size(), integer, base);
    if (parsed.ec != std::errc()) {
      return Fail(at_, "integer does not fit in 64 bits");
    }
    Add(TokenKind::kInteger, at_).integer = integer;
    at_ = end;
  }

  // from_chars refuses what is too large or too small for a double; Python gives inf or 0.
  static double FloatOutOfRange(const std::string& digits) {
    const size_t e = digits.find_first_of("eE");
    const bool tiny = (e != kNone && digits[e + 1] == '-') || digits.starts_with("0.");
    return tiny ? 0 : std::numeric_limits<double>::infinity();
  }

  void LexString(char quote) {
    const size_t start = at_;
    std::string text;
    size_t i = at_ + 1;
    while (i < source_.size() && source_[i] != quote && error_.ok()) {
      if (source_[i] == '\\' && i + 1 < source_.size()) {
        i = LexEscape(i, &text);
      } else {
        text += source_[i++];
      }
    }
    if (!error_.ok()) return;
    if (i >= source_.size()) return Fail(start, "this string is not closed");
    Add(TokenKind::kString, start).text = std::move(text);
    at_ = i + 1;
  }

  // Appends what the escape at `i` stands for, and returns where it ends.
  size_t LexEscape(size_t i, std::string* text) {
    static constexpr std::string_view kLetters = "\\'\"abfnrtv";
    static constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
    const char c = source_[i + 1];
    const size_t simple = kLetters.find(c);
    if (simple != kNone) {
      *text += kMeanings[simple];
      return i + 2;
    }
    if (c == '\n') return i + 2;
    if (c == 'x') return LexHexEscape(i, 2, text);
    if (c == 'u') return LexHexEscape(i, 4, text);
    if (c == 'U') return LexHexEscape(i, 8, text);
    if (c == 'N') {
      Fail(i, "\\N{...} escapes are not supported; write the character itself");
      return i + 2;
    }
    if (c >= '0' && c <= '7') {
      char32_t code_point = 0;
      size_t end = i + 1;
      for (; end < i + 4 && end < source_.size() && DigitValue(source_[end]) < 8; ++end) {
        code_point = code_point * 8 + DigitValue(source_[end]);
      }
      AppendUtf8(text, code_point);
      return end;
    }
    *text += '\\';  // an unknown escape stands for itself
    return i + 1;
  }

  size_t LexHexEscape(size_t i, int n_digits, std::string* text) {
    uint64_t code_point = 0;
    for (int k = 0; k < n_digits; ++k) {
      const size_t at = i + 2 + k;
      if (at >= source_.size() || DigitValue(source_[at]) >= 16) {
        Fail(i, "truncated escape in a string: expected ", n_digits, " hexadecimal digits");
        return source_.size();
      }
      code_point = code_point * 16 + DigitValue(source_[at]);
    }
    if (code_point > 0x10FFFF) {
      Fail(i, "no such character: escape above \\U0010ffff");
      return source_.size();
    }
    const bool surrogate = code_point >= 0xD800 && code_point < 0xE000;
    AppendUtf8(text, surrogate ? kReplacementChar : static_cast<char32_t>(code_point));
    return i + 2 + n_digits;
  }

  void LexOperator(std::string* open_brackets) {
    static constexpr std::string_view kOperators[] = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    const std::string_view rest = source_.substr(at_);
    const auto* op = std::find_if(std::begin(kOperators), std::end(kOperators),
                                  [&](std::string_view o) { return rest.starts_with(o); });
    if (op == std::end(kOperators)) {
      return Fail(at_, "unexpected character '", Quoted(rest.substr(0, DecodeUtf8(rest).n_bytes)),
                  "'");
    }
    const char c = (*op)[0];
    if (c == '(' || c == '[' || c == '{') {
      open_brackets->push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    } else if (c == ')' || c == ']' || c == '}') {
      if (open_brackets->empty()) return Fail(at_, "unexpected '", c, "'");
      if (open_brackets->back() != c) {
        return Fail(at_, "unexpected '", c, "', expected '", open_brackets->back(), "'");
      }
      open_brackets->pop_back();
    }
    Add(TokenKind::kOperator, at_).text = *op;
    at_ += op->size();
  }

  size_t SkipSpace(size_t i) const {
    const std::string_view rest = source_.substr(std::min(i, source_.size()));
    return source_.size() - Strip(rest, std::nullopt, Side::kLeft).size();
  }

  void AddData(std::string_view text) {
    if (!text.empty()) Add(TokenKind::kData, at_).text = text;
  }

  Token& Add(TokenKind kind, size_t offset) {
    tokens_.push_back(Token{kind, static_cast<uint32_t>(offset), {}, 0, 0});
    return tokens_.back();
  }

  template <typename... Parts>
  void Fail(size_t offset, const Parts&... parts) {
    error_ = ErrorAt(source_, static_cast<uint32_t>(offset), StatusCode::kInvalidArgument,
                     StrCat(parts...));
  }

  std::string_view source_;
  size_t at_ = 0;
  bool line_starting_ = true;  // whether the text that follows begins a line
  std::vector<Token> tokens_;
  Status error_;
};

}  // namespace

std::string Describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kData:
      return "text";
    case TokenKind::kVariableBegin:
      return "'{{'";
    case TokenKind::kVariableEnd:
      return "'}}'";
    case TokenKind::kBlockBegin:
      return "'{%'";
    case TokenKind::kBlockEnd:
      return "'%}'";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return "a number";
    case TokenKind::kEnd:
      return "the end of the template";
    default:
      return StrCat("'", Shortened(token.text), "'");
  }
}

std::string NormalizeSource(std::string_view source) {
  std::string out = ReplaceInvalidUtf8(source);
  size_t n = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i] == '\r') {
      if (i + 1 < out.size() && out[i + 1] == '\n') ++i;
      out[n++] = '\n';
    } else {
      out[n++] = out[i];
    }
  }
  out.resize(n);
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

Status ErrorAt(std::string_view source, uint32_t offset, StatusCode code,
               std::string_view message) {
  const std::string_view before = source.substr(0, offset);
  const size_t line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const std::string_view on_line = newline == kNone ? before : before.substr(newline + 1);
  return Error(code, "chat template, line ", line, ", column ", CountChars(on_line) + 1, ": ",
               message);
}

Result<std::vector<Token>> Tokenize(std::string_view source) { return Lexer(source).Run(); }

}  // namespace autoglm::jinja

// printf-style and brace-style formatting, after the Python library reference: "printf-style String
// Formatting" and "Format Specification Mini-Language".
#include "text/jinja/format.h"
#include "text/jinja/parse_number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/str.h"
#include "base/utf8.h"
#include "text/jinja/access.h"
#include "text/jinja/print.h"
#include "text/jinja/strings.h"

namespace autoglm::jinja {

namespace {

constexpr int64_t kMaxPrecision = 500;

// A parsed conversion of either style.
struct Spec {
  std::string fill = " ";
  char align = '\0';  // < > ^ =
  char sign = '-';    // - + or space
  bool alternate = false, zero = false;
  char grouping = '\0';
  int64_t width = 0, precision = -1;
  char type = '\0';
};

char Lowered(char c) { return static_cast<char>(c | 0x20); }
bool IsUpperType(char type) { return type >= 'A' && type <= 'Z'; }

void MakeUpper(std::string* text) {
  for (char& c : *text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
}

// Digits of |d| in the manner of type e, f or g.
std::string FloatDigits(double d, char type, int64_t precision, bool alternate) {
  d = std::fabs(d);
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return "inf";
  char buffer[1024];
  const auto format = type == 'e'   ? std::chars_format::scientific
                      : type == 'f' ? std::chars_format::fixed
                                    : std::chars_format::general;
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), d, format, static_cast<int>(precision));
  std::string digits(buffer, end.ptr);
  if (alternate && digits.find('.') == std::string::npos) {
    digits.insert(std::min(digits.find('e'), digits.size()), ".");
  }
  return digits;
}

std::string IntDigits(int64_t i, char type) {
  const int base = type == 'b' ? 2 : type == 'o' ? 8 : Lowered(type) == 'x' ? 16 : 10;
  const uint64_t magnitude = i < 0 ? 0 - static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
  char buffer[72];
  std::string digits(buffer, std::to_chars(buffer, buffer + sizeof(buffer), magnitude, base).ptr);
  if (type == 'X') MakeUpper(&digits);
  return digits;
}

std::string SignOf(bool negative, char sign) {
  return negative ? "-" : sign == '-' ? "" : std::string(1, sign);
}

void GroupThousands(std::string* digits, char separator, size_t group) {
  const size_t end = std::min(digits->find_first_not_of("0123456789abcdefABCDEF"), digits->size());
  for (size_t i = end; i > group; i -= group) digits->insert(i - group, 1, separator);
}

// Sign and prefix, then padding by the rule of `spec`, then digits.
Value PadNumber(Runtime* rt, const Spec& spec, const std::string& prefix,
                const std::string& digits) {
  const int64_t missing = spec.width - static_cast<int64_t>(prefix.size() + digits.size());
  const char align = spec.align != '\0' ? spec.align : spec.zero ? '=' : '>';
  // Both sides are views: a std::string here would be a temporary that the view outlives.
  const std::string_view fill =
      spec.align == '\0' && spec.zero ? std::string_view("0") : std::string_view(spec.fill);
  TextBuilder out(rt);
  const int64_t left = align == '>' ? missing : align == '^' ? missing / 2 : 0;
  out.Repeat(fill, left);
  out.Append(prefix);
  if (align == '=') out.Repeat(fill, missing);
  out.Append(digits);
  if (align == '<' || align == '^') out.Repeat(fill, missing - left);
  return out.ToValue();
}

Value PadText(Runtime* rt, const Spec& spec, std::string_view text, char default_align) {
  if (spec.precision >= 0) {
    const std::vector<size_t> starts = CharStarts(text);
    const size_t n = std::min<size_t>(spec.precision, starts.size() - 1);
    text = text.substr(0, starts[n]);
  }
  const char align = spec.align != '\0' ? spec.align : default_align;
  const Alignment alignment = align == '<'   ? Alignment::kLeft
                              : align == '^' ? Alignment::kCenter
                                             : Alignment::kRight;
  if (alignment != Alignment::kCenter) {
    return Padded(rt, text, false, spec.width, spec.fill, alignment);
  }
  // str.format puts the odd space on the right, unlike str.center.
  const int64_t missing = spec.width - CountChars(text);
  TextBuilder out(rt);
  out.Repeat(spec.fill, missing / 2);
  out.Append(text);
  out.Repeat(spec.fill, missing - missing / 2);
  return out.ToValue();
}

Value FormatInteger(Runtime* rt, const Spec& spec, int64_t i) {
  std::string digits = IntDigits(i, spec.type);
  if (spec.grouping != '\0') {
    GroupThousands(&digits, spec.grouping, spec.type == '\0' || spec.type == 'd' ? 3 : 4);
  }
  std::string prefix = SignOf(i < 0, spec.sign);
  if (spec.alternate && spec.type != 'd' && spec.type != '\0') prefix += {'0', spec.type};
  return PadNumber(rt, spec, prefix, digits);
}

Value FormatFloat(Runtime* rt, const Spec& spec, double d) {
  const char type = Lowered(spec.type == '\0' ? 'r' : spec.type);
  std::string digits;
  if (type == 'r' && spec.precision < 0) {
    digits = FloatRepr(std::fabs(d));
  } else if (type == 'r') {
    digits = FloatDigits(d, 'g', std::max<int64_t>(spec.precision, 1), spec.alternate);
    if (digits.find_first_of(".en") == std::string::npos) digits += ".0";
  } else if (spec.type == '%') {
    digits = FloatDigits(d * 100, 'f', spec.precision < 0 ? 6 : spec.precision, spec.alternate);
    digits += '%';
  } else {
    int64_t precision = spec.precision < 0 ? 6 : spec.precision;
    if (type == 'g') precision = std::max<int64_t>(precision, 1);
    digits = FloatDigits(d, type, precision, spec.alternate);
    if (IsUpperType(spec.type)) MakeUpper(&digits);
  }
  if (spec.grouping != '\0') GroupThousands(&digits, spec.grouping, 3);
  return PadNumber(rt, spec, SignOf(std::signbit(d) && !std::isnan(d), spec.sign), digits);
}

// ---- printf style ----

class PrintfFormatter {
 public:
  PrintfFormatter(Runtime* rt, const Value& arguments) : rt_(rt), arguments_(arguments), out_(rt) {
    is_tuple_ = arguments.is_tuple();
  }

  Value Run(const Value& format) {
    rest_ = format.str();
    markup_ = format.is_markup();
    while (!rest_.empty() && !rt_->failed()) {
      const size_t percent = std::min(rest_.find('%'), rest_.size());
      out_.Append(rest_.substr(0, percent));
      rest_.remove_prefix(percent);
      if (!rest_.empty()) Convert();
    }
    const size_t n_given = is_tuple_ ? arguments_.sequence().items.size() : 1;
    // What can be subscripted might be a mapping, and a mapping need not be used up.
    const bool may_remain = arguments_.is_dict() || arguments_.is_list() ||
                            arguments_.is_undefined() ||
                            arguments_.is_sequence(SequenceType::kRange);
    if (!rt_->failed() && n_used_ < n_given && !used_names_ && !may_remain) {
      return rt_->Wrong("not all arguments converted during string formatting");
    }
    return out_.ToValue(markup_);
  }

 private:
  char Take() {
    if (rest_.empty()) {
      rt_->Wrong("incomplete format");
      return '\0';
    }
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  Value NextArgument() {
    if (is_tuple_ && n_used_ < arguments_.sequence().items.size()) {
      return arguments_.sequence().items[n_used_++];
    }
    if (!is_tuple_ && n_used_ == 0) {
      ++n_used_;
      return arguments_;
    }
    return rt_->Wrong("not enough arguments for format string");
  }

  int64_t TakeNumber() {
    if (!rest_.empty() && rest_.front() == '*') {
      rest_.remove_prefix(1);
      const Value number = NextArgument();
      if (!number.is_integral()) rt_->Wrong("* wants int");
      return rt_->failed() ? 0 : number.integer();
    }
    int64_t n = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9' && n < (1 << 30)) {
      n = n * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return n;
  }

  void Convert() {
    rest_.remove_prefix(1);
    std::optional<Value> named;
    if (rest_.starts_with('(')) {
      named = TakeNamed();
      if (rt_->failed()) return;
    }
    Spec spec;
    while (!rest_.empty() && std::string_view("-+ 0#").find(rest_.front()) != std::string::npos) {
      const char flag = Take();
      if (flag == '-') spec.align = '<';
      if (flag == '+' || (flag == ' ' && spec.sign != '+')) spec.sign = flag;
      spec.zero |= flag == '0';
      spec.alternate |= flag == '#';
    }
    spec.width = TakeNumber();
    if (spec.width < 0) spec.align = '<', spec.width = -std::max<int64_t>(spec.width, -(1 << 30));
    if (rest_.starts_with('.')) {
      Take();
      spec.precision = std::max<int64_t>(TakeNumber(), 0);
    }
    while (!rest_.empty() && std::string_view("hlL").find(rest_.front()) != std::string::npos) {
      Take();
    }
    spec.type = Take();
    if (rt_->failed()) return;
    if (spec.type == '%') return out_.Append("%");
    const Value argument = named ? *named : NextArgument();
    if (!rt_->failed()) ConvertValue(spec, argument);
  }

  Value TakeNamed() {
    const size_t close = rest_.find(')');
    if (close == std::string_view::npos) return rt_->Wrong("incomplete format key");
    const std::string_view key = rest_.substr(1, close - 1);
    rest_.remove_prefix(close + 1);
    used_names_ = true;
    if (!arguments_.is_dict()) return rt_->Wrong("format requires a mapping");
    const Value* value = Find(arguments_.dict(), key);
    return value ? *value : rt_->Wrong("format misses the key ", StringRepr(Shortened(key)));
  }

  void ConvertValue(Spec spec, const Value& value) {
    const char type = spec.type;
    if (type == 's' || type == 'r' || type == 'a') {
      const std::string text = type == 's' ? Str(rt_, value) : Repr(rt_, value);
      const bool escapes = markup_ && !value.is_markup();
      return Add(PadText(rt_, spec, escapes ? EscapeHtml(text) : text, '>'));
    }
    if (type == 'c') return ConvertChar(spec, value);
    const bool is_int_type = std::string_view("diuoxX").find(type) != std::string_view::npos;
    const bool is_float_type = std::string_view("eEfFgG").find(type) != std::string_view::npos;
    if (!is_int_type && !is_float_type) {
      rt_->Wrong("unsupported format character '", Shortened(std::string(1, type & 0x7F)), "'");
      return;
    }
    if (!value.is_number()) return FailNumber(type, value);
    if (spec.precision > kMaxPrecision) {
      rt_->Wrong("precision too large");
      return;
    }
    if (is_float_type) return Add(FormatFloat(rt_, spec, value.number()));
    const bool is_decimal = type == 'd' || type == 'i' || type == 'u';
    if (value.is_float() && (!is_decimal || !(std::fabs(value.number()) < 0x1p63))) {
      return FailNumber(type, value);
    }
    ConvertInteger(spec, value.is_float() ? static_cast<int64_t>(value.number()) : value.integer());
  }

  void ConvertInteger(Spec spec, int64_t i) {
    if (spec.type == 'i' || spec.type == 'u') spec.type = 'd';
    std::string digits = IntDigits(i, spec.type);
    if (spec.precision > static_cast<int64_t>(digits.size())) {
      digits.insert(0, spec.precision - digits.size(), '0');
    }
    std::string prefix = SignOf(i < 0, spec.sign);
    if (spec.alternate && spec.type != 'd') prefix += {'0', spec.type};
    Add(PadNumber(rt_, spec, prefix, digits));
  }

  void ConvertChar(const Spec& spec, const Value& value) {
    std::string text;
    if (value.is_string() && value.text().n_chars == 1) {
      text = value.str();
    } else if (value.is_integral() && value.integer() >= 0 && value.integer() <= 0x10FFFF) {
      AppendUtf8(&text, static_cast<char32_t>(value.integer()));
      text = ReplaceInvalidUtf8(text);
    } else {
      rt_->Wrong("%c requires an int or a character");
    }
    Add(PadText(rt_, spec, text, '>'));
  }

  void FailNumber(char type, const Value& value) {
    if (value.is_undefined()) {
      rt_->FailUndefined(value);
    } else {
      rt_->Wrong("%", type, " format: a number is required, not ", value.type_name());
    }
  }

  void Add(const Value& text) {
    if (!rt_->failed()) out_.Append(text.str());
  }

  Runtime* rt_;
  const Value& arguments_;
  TextBuilder out_;
  std::string_view rest_;
  bool is_tuple_ = false, used_names_ = false, markup_ = false;
  size_t n_used_ = 0;
};

// ---- Brace style ----

// Parses [[fill]align][sign][#][0][width][,|_][.precision][type].
std::optional<Spec> ParseSpec(std::string_view text) {
  Spec spec;
  const auto is_align = [](char c) {
    return std::string_view("<>=^").find(c) != std::string::npos;
  };
  const auto take = [&](std::string_view set) {
    if (text.empty() || set.find(text.front()) == std::string_view::npos) return '\0';
    const char c = text.front();
    text.remove_prefix(1);
    return c;
  };
  const auto number = [&](int64_t absent) {
    int64_t n = 0;
    if (text.empty() || text.front() < '0' || text.front() > '9') return absent;
    for (char c; n < (1 << 30) && (c = take("0123456789")) != '\0';) n = n * 10 + (c - '0');
    return n;
  };
  const size_t first = text.empty() ? 0 : DecodeUtf8(text).n_bytes;
  if (text.size() > first && is_align(text[first])) {
    spec.fill = text.substr(0, first);
    spec.align = text[first];
    text.remove_prefix(first + 1);
  } else {
    spec.align = take("<>=^");
  }
  if (const char sign = take("+- ")) spec.sign = sign;
  spec.alternate = take("#") != '\0';
  spec.zero = take("0") != '\0';
  spec.width = number(0);
  spec.grouping = take(",_");
  if (take(".") != '\0') {
    spec.precision = number(-1);
    if (spec.precision < 0 || spec.precision > kMaxPrecision) return std::nullopt;
  }
  spec.type = take("bcdeEfFgGnosxX%");
  if (!text.empty()) return std::nullopt;
  return spec;
}

class BraceFormatter {
 public:
  BraceFormatter(Runtime* rt, const std::vector<Value>& positional,
                 const std::vector<std::pair<std::string, Value>>& named, bool markup)
      : rt_(rt), positional_(positional), named_(named), markup_(markup) {}

  std::string Expand(std::string_view format, int level) {
    TextBuilder out(rt_);
    while (!format.empty() && !rt_->failed()) {
      const size_t brace = std::min(format.find_first_of("{}"), format.size());
      out.Append(format.substr(0, brace));
      format.remove_prefix(brace);
      if (format.empty()) break;
      if (format.size() > 1 && format[1] == format[0] && level == 0) {
        out.Append(format[0]);
        format.remove_prefix(2);
      } else if (format[0] == '}') {
        rt_->Wrong("single '}' encountered in format string");
      } else {
        const size_t length = FieldLength(format);
        if (rt_->failed()) break;
        out.Append(Field(format.substr(1, length - 2), level));
        format.remove_prefix(length);
      }
    }
    return out.Take();
  }

 private:
  size_t FieldLength(std::string_view format) {
    int depth = 0;
    for (size_t i = 0; i < format.size(); ++i) {
      depth += (format[i] == '{') - (format[i] == '}');
      if (depth == 0) return i + 1;
    }
    rt_->Wrong("expected '}' before end of string");
    return 0;
  }

  std::string Field(std::string_view field, int level) {
    if (level > 1) {
      rt_->Wrong("format fields nest too deep");
      return "";
    }
    const size_t name_end = std::min(field.find_first_of("!:"), field.size());
    Value value = Lookup(field.substr(0, name_end));
    field.remove_prefix(name_end);
    if (rt_->failed()) return "";
    if (field.size() >= 2 && field[0] == '!') {
      if (field[1] == 'r' || field[1] == 'a') value = rt_->String(Repr(rt_, value));
      if (field[1] == 's') value = rt_->String(Str(rt_, value));
      field.remove_prefix(2);
    }
    if (!field.empty() && field[0] != ':') {
      rt_->Wrong("expected ':' after the conversion of a format field");
      return "";
    }
    const std::string spec = field.empty() ? "" : Expand(field.substr(1), level + 1);
    const Value text = Format(value, spec);
    if (rt_->failed()) return "";
    return markup_ && !value.is_markup() ? EscapeHtml(text.str()) : text.str();
  }

  Value Lookup(std::string_view path) {
    const size_t end = std::min(path.find_first_of(".["), path.size());
    const std::string_view first = path.substr(0, end);
    Value value = First(first);
    path.remove_prefix(end);
    while (!path.empty() && !rt_->failed()) {
      if (path[0] == '.') {
        const size_t stop = std::min(path.find_first_of(".[", 1), path.size());
        value = GetAttribute(rt_, value, path.substr(1, stop - 1));
        path.remove_prefix(stop);
      } else {
        const size_t close = path.find(']');
        if (path[0] != '[' || close == std::string_view::npos) {
          return rt_->Wrong("missing ']' in format string");
        }
        const std::string_view key = path.substr(1, close - 1);
        const std::optional<int64_t> index = ParseInt(key, 10);
        value = GetItem(rt_, value, index ? Value::Int(*index) : rt_->String(std::string(key)));
        path.remove_prefix(close + 1);
      }
    }
    return value;
  }

  Value First(std::string_view name) {
    std::optional<int64_t> index = name.empty() ? next_index_++ : ParseInt(name, 10);
    if (index && *index >= 0) {
      if (*index < static_cast<int64_t>(positional_.size())) return positional_[*index];
      return rt_->Wrong("format() has no argument ", *index);
    }
    for (const auto& [key, value] : named_) {
      if (key == name) return value;
    }
    return rt_->Wrong("format() has no argument ", StringRepr(Shortened(name)));
  }

  Value Format(const Value& value, std::string_view spec_text) {
    if (spec_text.empty()) return rt_->String(Str(rt_, value));
    const std::optional<Spec> spec = ParseSpec(spec_text);
    if (!spec) return rt_->Wrong("invalid format specifier '", Shortened(spec_text), "'");
    const char type = spec->type;
    if (value.is_string() && (type == 's' || type == '\0')) {
      return PadText(rt_, *spec, value.str(), '<');
    }
    const bool is_int_type = std::string_view("bdoxX").find(type) != std::string_view::npos;
    if (value.is_integral() && (is_int_type || type == '\0') && spec->precision < 0) {
      return FormatInteger(rt_, *spec, value.integer());
    }
    if (value.is_number() && !is_int_type && type != 's' && type != 'c') {
      return FormatFloat(rt_, *spec, value.number());
    }
    return rt_->Wrong("format specifier '", Shortened(spec_text), "' does not fit '",
                      value.type_name(), "'");
  }

  Runtime* rt_;
  const std::vector<Value>& positional_;
  const std::vector<std::pair<std::string, Value>>& named_;
  bool markup_;
  int64_t next_index_ = 0;
};

}  // namespace

Value PrintfFormat(Runtime* rt, const Value& format, const Value& arguments) {
  if (rt->failed()) return Value();
  if (!format.is_string()) return PrintfFormat(rt, rt->String(Str(rt, format)), arguments);
  return PrintfFormatter(rt, arguments).Run(format);
}

Value BraceFormat(Runtime* rt, const Value& format, const std::vector<Value>& positional,
                  const std::vector<std::pair<std::string, Value>>& named) {
  BraceFormatter formatter(rt, positional, named, format.is_markup());
  std::string text = formatter.Expand(format.str(), 0);
  return rt->failed() ? Value() : rt->String(std::move(text), format.is_markup());
}

Value Padded(Runtime* rt, std::string_view text, bool markup, int64_t width, std::string_view fill,
             Alignment alignment) {
  const int64_t missing = std::max<int64_t>(width - CountChars(text), 0);
  int64_t left = alignment == Alignment::kRight ? missing : 0;
  // str.center gives the odd space to the left when the width is odd.
  if (alignment == Alignment::kCenter) left = missing / 2 + (missing & width & 1);
  TextBuilder out(rt);
  out.Repeat(fill, left);
  out.Append(text);
  out.Repeat(fill, missing - left);
  return out.ToValue(markup);
}

Value Replaced(Runtime* rt, std::string_view text, std::string_view old_part,
               std::string_view new_part, int64_t max_count, bool markup) {
  TextBuilder out(rt);
  int64_t n_left = max_count < 0 ? std::numeric_limits<int64_t>::max() : max_count;
  while (n_left > 0 && !rt->failed()) {
    // An empty part is found before every character, and at the end.
    size_t at = old_part.empty() ? 0 : text.find(old_part);
    if (at == std::string_view::npos) break;
    out.Append(text.substr(0, at));
    out.Append(new_part);
    text.remove_prefix(at + old_part.size());
    --n_left;
    if (!old_part.empty()) continue;
    if (text.empty()) break;
    const int n_bytes = DecodeUtf8(text).n_bytes;
    out.Append(text.substr(0, n_bytes));
    text.remove_prefix(n_bytes);
  }
  out.Append(text);
  return out.ToValue(markup);
}

std::string FixedFloat(double d, int precision) {
  char buffer[1024];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), d, std::chars_format::fixed, precision);
  return std::string(buffer, end.ptr);
}

}  // namespace autoglm::jinja

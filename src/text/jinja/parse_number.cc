#include "text/jinja/parse_number.h"

#include <charconv>
#include <limits>
#include <string>

#include "text/jinja/strings.h"

namespace autoglm::jinja {

std::optional<int64_t> ParseInt(std::string_view text, int base) {
  text = Strip(text, std::nullopt, Side::kBoth);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.size() > 2 && text[0] == '0') {
    const char prefix = static_cast<char>(text[1] | 0x20);  // in lower case
    const int prefixed = prefix == 'x' ? 16 : prefix == 'o' ? 8 : prefix == 'b' ? 2 : 0;
    if (prefixed != 0 && (base == prefixed || base == 0)) {
      base = prefixed;
      text.remove_prefix(text[2] == '_' ? 3 : 2);
    }
  }
  if (base == 0) base = 10;
  std::string digits = negative ? "-" : "";
  char previous = '_';
  for (char c : text) {
    if (c == '_' && previous == '_') return std::nullopt;
    if (c != '_') digits += c;
    previous = c;
  }
  int64_t result = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), result, base);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (!whole || previous == '_' || text.starts_with('-')) return std::nullopt;
  return result;
}

std::optional<double> ParseFloat(std::string_view text) {
  text = Strip(text, std::nullopt, Side::kBoth);
  std::string digits;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits += text[i];
    } else if (i == 0 || i + 1 == text.size() || !is_digit(text[i - 1]) || !is_digit(text[i + 1])) {
      return std::nullopt;
    }
  }
  const bool signed_text = digits.starts_with('-') || digits.starts_with('+');
  const std::string_view body = std::string_view(digits).substr(signed_text ? 1 : 0);
  const double sign = digits.starts_with('-') ? -1 : 1;
  const std::string lower = Lower(body);
  if (lower == "inf" || lower == "infinity") return sign * std::numeric_limits<double>::infinity();
  if (lower == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (body.empty() || (!is_digit(body[0]) && body[0] != '.')) return std::nullopt;
  double result = 0;
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), result);
  if (end != body.data() + body.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    const bool tiny = body.find("e-") != std::string_view::npos || body[0] == '0' || body[0] == '.';
    result = tiny ? 0 : std::numeric_limits<double>::infinity();
  } else if (error != std::errc()) {
    return std::nullopt;
  }
  return sign * result;
}

}  // namespace autoglm::jinja

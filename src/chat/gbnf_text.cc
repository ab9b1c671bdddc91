// See gbnf_text.h.
#include "chat/gbnf_text.h"

#include "base/str.h"
#include "base/utf8.h"
#include "sampling/grammar/gbnf.h"

namespace autoglm {
namespace {

/// The control token at the front of `text`: "<...>" or "[...]".
std::string_view ControlTokenAt(std::string_view text, const FindControlToken& find, int32_t* id) {
  const char close = text[0] == '<' ? '>' : text[0] == '[' ? ']' : '\0';
  if (close == '\0') return {};
  const size_t end = text.find(close);
  if (end == std::string_view::npos) return {};
  const std::string_view name = text.substr(0, end + 1);
  *id = find ? find(name) : -1;
  return *id < 0 ? std::string_view() : name;
}

}  // namespace

std::string GbnfText(std::string_view text, const FindControlToken& find_control_token) {
  std::string out;
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) out += (out.empty() ? "" : " ") + GbnfLiteral(literal);
    literal.clear();
  };
  while (!text.empty()) {
    int32_t id = -1;
    const std::string_view name = ControlTokenAt(text, find_control_token, &id);
    if (name.empty()) {
      literal += text[0];
      text.remove_prefix(1);
      continue;
    }
    flush();
    out += StrCat(out.empty() ? "" : " ", "<[", id, "]>");
    text.remove_prefix(name.size());
  }
  flush();
  return out.empty() ? "\"\"" : out;
}

std::string GbnfNoneOf(std::string_view chars) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "[^";
  while (!chars.empty()) {
    const Utf8Char c = DecodeUtf8(chars);
    chars.remove_prefix(c.n_bytes);
    out += "\\U";
    for (int shift = 28; shift >= 0; shift -= 4) out += kHex[(c.code_point >> shift) & 15];
  }
  return out + "]";
}

// Text between two of the first character, then, one by one, how what follows it differs from the
// rest of `end`.
std::string GbnfTextWithout(std::string_view name, std::string_view end) {
  std::vector<std::string> chars;
  while (!end.empty()) {
    chars.emplace_back(end.substr(0, DecodeUtf8(end).n_bytes));
    end.remove_prefix(chars.back().size());
  }
  const std::string& first = chars[0];
  const std::string any = GbnfNoneOf(first);
  std::string out = StrCat(name, " ::= ", any, "* (", GbnfLiteral(first), " ", name, "-1)*\n");
  for (size_t i = 1; i < chars.size(); ++i) {
    out += StrCat(name, "-", i, " ::= (", GbnfNoneOf(first + chars[i]), " ", any, "*");
    if (i + 1 < chars.size()) out += StrCat(" | ", GbnfLiteral(chars[i]), " ", name, "-", i + 1);
    out += ")?\n";
  }
  return out;
}

}  // namespace autoglm

// PhoneActionsGrammar of autoglm/action.h: one rule for each word of the sentence, which may be
// followed by the next word's.
#include <cstdint>
#include <vector>

#include "autoglm/action.h"
#include "base/str.h"
#include "base/utf8.h"
#include "chat/literal.h"
#include "sampling/grammar/builtin.h"

namespace autoglm {
namespace {

constexpr size_t kMaxWords = 512;

/// A word or mark of the sentence, and whether white space follows it.
struct Word {
  std::string_view text;
  std::string_view space;
};

/// Letters and digits of scripts that put spaces between words. Others stand for themselves: Han
/// and kana have no spaces, marks belong to no word.
bool IsInWord(char32_t c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return (c >= 0xAA && c < 0x2000) || (c >= 0x2C00 && c < 0x2E00);
}

std::vector<Word> SplitWords(std::string_view sentence) {
  std::vector<Word> words;
  bool in_word = false;
  for (size_t at = 0; at < sentence.size();) {
    const Utf8Char c = DecodeUtf8(sentence.substr(at));
    const auto n_bytes = static_cast<size_t>(c.n_bytes);
    if (const size_t n_space = LeadingSpace(sentence.substr(at)); n_space > 0) {
      if (!words.empty()) words.back().space = sentence.substr(at, n_space);
      in_word = false;
      at += n_space;
      continue;
    }
    const bool continues = in_word && IsInWord(c.code_point);
    if (continues) {
      Word& word = words.back();
      word.text = {word.text.data(), word.text.size() + n_bytes};
    } else {
      words.push_back({sentence.substr(at, n_bytes), {}});
    }
    in_word = IsInWord(c.code_point);
    at += n_bytes;
  }
  return words;
}

/// `text`, as a string of an action writes it, as a GBNF literal. Empty: no string can hold it.
std::string Literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += R"(\\n)";
    } else if (c == '"' || c == '\\') {
      out += R"(\\\)";  // a backslash of the action, and one of the grammar
      out += c;
    } else if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) {
      return "";
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

std::string PhoneActionsGrammar(std::string_view sentence) {
  std::string gbnf = ResolveGrammar("phone_actions").value();
  const std::string valid = ReplaceInvalidUtf8(sentence);
  const std::vector<Word> words = SplitWords(valid);
  if (words.empty() || words.size() > kMaxWords) return gbnf;
  gbnf.erase(gbnf.rfind("\nstring"));  // the last rule
  std::string starts, rules;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string text = Literal(words[i].text);
    if (text.empty()) continue;
    starts += StrCat(starts.empty() ? "" : " | ", "w", i);
    rules += StrCat("w", i, " ::= ", text);
    const std::string space = Literal(words[i].space);
    const bool goes_on = i + 1 < words.size() && !Literal(words[i + 1].text).empty();
    if (goes_on && !space.empty()) rules += StrCat(" (", space, " w", i + 1, ")?");
    rules += "\n";
  }
  if (starts.empty()) return ResolveGrammar("phone_actions").value();
  return StrCat(gbnf, "\nstring ::= \"\\\"\" (", starts, ") \"\\\"\"\n", rules);
}

}  // namespace autoglm

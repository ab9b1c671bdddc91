#include "text/added_tokens.h"

#include <utility>

#include "base/utf8.h"
#include "formats/hf_tokenizer_keys.h"
#include "text/unicode.h"

namespace autoglm {

namespace {

bool IsWordChar(char32_t c) {
  static const CategoryMask kWord =
      CategoriesNamed("L") | CategoriesNamed("M") | CategoriesNamed("Nd") | CategoriesNamed("Pc");
  return HasCategory(c, kWord);
}

char32_t CharBefore(std::string_view text, size_t end) {
  size_t start = end - 1;
  while (start > 0 && end - start < 4 && (static_cast<uint8_t>(text[start]) & 0xC0) == 0x80) {
    --start;
  }
  return DecodeUtf8(text.substr(start, end - start)).code_point;
}

// Whether no word character touches text[begin, end).
bool StandsAlone(std::string_view text, size_t begin, size_t end) {
  if (begin > 0 && IsWordChar(CharBefore(text, begin))) return false;
  return end == text.size() || !IsWordChar(DecodeUtf8(text.substr(end)).code_point);
}

size_t SkipSpacesBack(std::string_view text, size_t from, size_t begin) {
  while (begin > from) {
    const char32_t c = CharBefore(text, begin);
    if (!IsWhiteSpace(c)) break;
    std::string utf8;
    AppendUtf8(&utf8, c);
    begin -= utf8.size();
  }
  return begin;
}

size_t SkipSpaces(std::string_view text, size_t at) {
  while (at < text.size()) {
    const Utf8Char c = DecodeUtf8(text.substr(at));
    if (!IsWhiteSpace(c.code_point)) break;
    at += c.n_bytes;
  }
  return at;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  roots_.fill(-1);
  for (size_t t = 0; t < tokens_.size(); ++t) {
    int32_t* link = &roots_[static_cast<uint8_t>(tokens_[t].text[0])];
    int32_t node = -1;
    for (const char ch : tokens_[t].text) {
      const uint8_t byte = static_cast<uint8_t>(ch);
      while (*link >= 0 && nodes_[*link].byte != byte) link = &nodes_[*link].next_sibling;
      node = *link;
      if (node < 0) {
        node = *link = static_cast<int32_t>(nodes_.size());
        nodes_.push_back({.byte = byte});  // moves the nodes: `link` is taken anew below
      }
      link = &nodes_[node].first_child;
    }
    if (nodes_[node].token < 0) nodes_[node].token = static_cast<int32_t>(t);
  }
}

// Index of the longest token that begins at `at` and may be used, or -1.
int32_t AddedTokens::LongestAt(std::string_view text, size_t at, bool parse_special) const {
  int32_t best = -1;
  int32_t node = roots_[static_cast<uint8_t>(text[at])];
  for (size_t i = at; node >= 0; node = nodes_[node].first_child) {
    const uint8_t byte = static_cast<uint8_t>(text[i]);
    while (node >= 0 && nodes_[node].byte != byte) node = nodes_[node].next_sibling;
    if (node < 0) break;
    const int32_t token = nodes_[node].token;
    if (token >= 0 && (parse_special || !tokens_[token].is_control)) best = token;
    if (++i == text.size()) break;
  }
  return best;
}

bool AddedTokens::Find(std::string_view text, size_t from, bool parse_special, Match* match) const {
  if (tokens_.empty()) return false;
  for (size_t at = from; at < text.size(); ++at) {
    if (roots_[static_cast<uint8_t>(text[at])] < 0) continue;
    const int32_t index = LongestAt(text, at, parse_special);
    if (index < 0) continue;
    const AddedToken& token = tokens_[index];
    size_t end = at + token.text.size();
    if ((token.flags & kAddedSingleWord) && !StandsAlone(text, at, end)) {
      at = end - 1;
      continue;
    }
    if (token.flags & kAddedRstrip) end = SkipSpaces(text, end);
    const size_t begin = token.flags & kAddedLstrip ? SkipSpacesBack(text, from, at) : at;
    *match = {begin, end, token.id};
    return true;
  }
  return false;
}

}  // namespace autoglm

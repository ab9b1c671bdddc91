#include "text/charsmap.h"

#include <algorithm>

#include "base/utf8.h"

namespace autoglm {

namespace {

// The fields of a unit of the double array.
bool HasLeaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t Value(uint32_t unit) { return unit & 0x7FFFFFFF; }
uint32_t Label(uint32_t unit) { return unit & 0x800000FF; }
uint32_t Offset(uint32_t unit) { return unit >> 10 << ((unit & 0x200) >> 6); }

constexpr size_t kMaxReplacementBytes = 256;

}  // namespace

Result<CharsMap> CharsMap::Create(std::span<const int64_t> bytes) {
  CharsMap map;
  if (bytes.empty()) return map;
  const auto bad = [&] {
    return Error(StatusCode::kDataLoss, "tokenizer.ggml.precompiled_charsmap (", bytes.size(),
                 " bytes) is damaged");
  };
  const auto word = [&](size_t at) {
    uint32_t value = 0;
    for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<uint32_t>(bytes[at + i] & 0xFF);
    return value;
  };
  if (bytes.size() < 4) return bad();
  const size_t n_trie = word(0);
  if (n_trie % 4 != 0 || n_trie == 0 || n_trie > bytes.size() - 4) return bad();
  for (size_t at = 0; at < n_trie; at += 4) map.trie_.push_back(word(4 + at));
  for (const int64_t byte : bytes.subspan(4 + n_trie)) {
    map.replacements_.push_back(static_cast<char>(byte));
  }
  map.replacements_.push_back('\0');
  return map;
}

size_t CharsMap::Longest(std::string_view text, std::string_view* replacement) const {
  size_t length = 0;
  size_t node = Offset(trie_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const uint8_t byte = static_cast<uint8_t>(text[i]);
    node ^= byte;
    if (byte == 0 || node >= trie_.size() || Label(trie_[node]) != byte) break;
    const uint32_t unit = trie_[node];
    node ^= Offset(unit);
    if (node >= trie_.size()) break;
    if (!HasLeaf(unit)) continue;
    const size_t at = Value(trie_[node]);
    if (at >= replacements_.size()) break;
    const size_t end = std::min(replacements_.find('\0', at), at + kMaxReplacementBytes);
    *replacement = std::string_view(replacements_).substr(at, end - at);
    length = i + 1;
  }
  return length;
}

std::string CharsMap::Apply(std::string_view text) const {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::string_view replacement;
    size_t n = Longest(text, &replacement);
    if (n == 0) {
      n = static_cast<size_t>(DecodeUtf8(text).n_bytes);
      replacement = text.substr(0, n);
    }
    out.append(replacement);
    text.remove_prefix(n);
  }
  return out;
}

}  // namespace autoglm

// CharsMap: the table by which SentencePiece normalizes a text (its precompiled_charsmap): a
// double-array trie (Darts) from sequences of characters to what replaces them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace autoglm {

class CharsMap {
 public:
  CharsMap() = default;
  /// `bytes`, each 0..255: the trie's size in bytes (u32), the trie, the replacements, each ended
  /// by a zero. kDataLoss where that does not hold.
  static Result<CharsMap> Create(std::span<const int64_t> bytes);

  bool empty() const { return trie_.empty(); }
  /// At each place the longest sequence in the table is replaced.
  std::string Apply(std::string_view text) const;

 private:
  /// The length of the longest sequence that `text` begins with (0: none), and its replacement.
  size_t Longest(std::string_view text, std::string_view* replacement) const;

  std::vector<uint32_t> trie_;
  std::string replacements_;
};

}  // namespace autoglm

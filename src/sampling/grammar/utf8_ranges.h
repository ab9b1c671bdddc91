// Ranges of characters as ranges of their UTF-8 bytes.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sampling/grammar/gbnf.h"

namespace autoglm {

struct ByteRange {
  uint8_t low;
  uint8_t high;  ///< inclusive
  bool operator==(const ByteRange&) const = default;
};

/// All strings of `n` bytes whose byte i is within bytes[i].
struct ByteRangeSequence {
  std::array<ByteRange, 4> bytes{};
  int n = 0;
};

/// Sequences that together match exactly the characters of `ranges` (scalar values).
std::vector<ByteRangeSequence> ToByteRanges(const std::vector<CharRange>& ranges);

}  // namespace autoglm

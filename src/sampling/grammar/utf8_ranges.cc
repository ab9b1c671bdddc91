#include "sampling/grammar/utf8_ranges.h"

#include <algorithm>
#include <string>

#include "base/utf8.h"

namespace autoglm {
namespace {

// Both ends have the same length in UTF-8. Where all but the first differing byte run over their
// whole range one sequence suffices; otherwise the range is cut there.
void Split(char32_t first, char32_t last, std::vector<ByteRangeSequence>* out) {
  for (int n_low_bytes = 1; n_low_bytes < 4; ++n_low_bytes) {
    const char32_t mask = (char32_t{1} << (6 * n_low_bytes)) - 1;
    if ((first & ~mask) == (last & ~mask)) break;
    if ((first & mask) != 0) {
      Split(first, first | mask, out);
      Split((first | mask) + 1, last, out);
      return;
    }
    if ((last & mask) != mask) {
      Split(first, (last & ~mask) - 1, out);
      Split(last & ~mask, last, out);
      return;
    }
  }
  std::string low, high;
  AppendUtf8(&low, first);
  AppendUtf8(&high, last);
  ByteRangeSequence sequence;
  sequence.n = static_cast<int>(low.size());
  for (size_t i = 0; i < low.size(); ++i) {
    sequence.bytes[i] = {static_cast<uint8_t>(low[i]), static_cast<uint8_t>(high[i])};
  }
  out->push_back(sequence);
}

}  // namespace

std::vector<ByteRangeSequence> ToByteRanges(const std::vector<CharRange>& ranges) {
  // Where the length in bytes changes.
  constexpr CharRange kLengths[] = {{0, 0x7F}, {0x80, 0x7FF}, {0x800, 0xFFFF}, {0x10000, 0x10FFFF}};
  std::vector<ByteRangeSequence> out;
  for (const CharRange& range : ranges) {
    for (const CharRange& length : kLengths) {
      const char32_t first = std::max(range.first, length.first);
      const char32_t last = std::min(range.last, length.last);
      if (first > last) continue;
      if (last < 0x80) {
        out.push_back({{ByteRange{static_cast<uint8_t>(first), static_cast<uint8_t>(last)}}, 1});
      } else {
        Split(first, last, &out);
      }
    }
  }
  return out;
}

}  // namespace autoglm

// The smallest best-first set of candidates that holds a given mass: what top-p and typical-p keep.
// Found by radix selection on 32-bit keys, in linear time and without sorting.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace autoglm {

/// A key whose ascending order is the descending order of `x` (not a NaN); -0 equals 0.
inline uint32_t DescendingKey(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x + 0.0f);
  return bits >> 31 ? bits : ~bits ^ 0x80000000u;
}

/// A key whose ascending order is that of `x` >= 0.
inline uint32_t AscendingKey(float x) { return std::bit_cast<uint32_t>(x); }

/// The end of a set taken by ascending key, equals by ascending index.
struct MassCut {
  uint32_t key;  ///< of the last member
  size_t index;  ///< of the last member

  bool Keeps(uint32_t other_key, size_t other_index) const {
    return other_key < key || (other_key == key && other_index <= index);
  }
};

/// The shortest prefix of that order whose weights sum to at least `target`; at least one candidate
/// of positive weight, and all of those if rounding leaves the whole sum below `target`.
/// keys, weights: [n], weights >= 0 and not all 0.
MassCut FindMassCut(std::span<const uint32_t> keys, std::span<const float> weights, double target);

}  // namespace autoglm

// IEEE binary16 and bfloat16 <-> binary32, branch-light so that loops over them vectorize.
#pragma once

#include <bit>
#include <cstdint>

namespace autoglm {

/// Exact for every input, subnormals, infinities and NaNs included.
inline float HalfToFloat(uint16_t h) {
  const uint32_t w = static_cast<uint32_t>(h) << 16;
  const uint32_t sign = w & 0x80000000u;
  const uint32_t two_w = w + w;  // exponent and mantissa in the upper bits
  // Normal, infinite, NaN: shift into place and rescale the exponent by 2^112.
  const float normal = std::bit_cast<float>((two_w >> 4) + (0xE0u << 23)) * 0x1.0p-112f;
  // Subnormal: build 0.5 + mantissa and take the 0.5 off again.
  const float subnormal = std::bit_cast<float>((two_w >> 17) | (126u << 23)) - 0.5f;
  // A signed comparison, made into a mask: what SSE2 can vectorize.
  const uint32_t is_subnormal = static_cast<int32_t>(two_w >> 1) < (1 << 26) ? ~0u : 0u;
  const uint32_t bits = (std::bit_cast<uint32_t>(subnormal) & is_subnormal) |
                        (std::bit_cast<uint32_t>(normal) & ~is_subnormal);
  return std::bit_cast<float>(sign | bits);
}

/// Rounds to nearest, ties to even; overflow gives infinity; a NaN stays a (quiet) NaN.
inline uint16_t FloatToHalf(float f) {
  const uint32_t w = std::bit_cast<uint32_t>(f);
  const uint32_t two_w = w + w;
  const uint32_t sign = w & 0x80000000u;
  if (two_w > 0xFF000000u) return static_cast<uint16_t>((sign >> 16) | 0x7E00u);
  float base = (std::bit_cast<float>(w & 0x7FFFFFFFu) * 0x1.0p+112f) * 0x1.0p-110f;
  uint32_t bias = two_w & 0xFF000000u;
  if (bias < 0x71000000u) bias = 0x71000000u;
  base = std::bit_cast<float>((bias >> 1) + 0x07800000u) + base;
  const uint32_t bits = std::bit_cast<uint32_t>(base);
  const uint32_t nonsign = ((bits >> 13) & 0x7C00u) + (bits & 0x0FFFu);
  return static_cast<uint16_t>((sign >> 16) | nonsign);
}

inline float BFloatToFloat(uint16_t b) {
  return std::bit_cast<float>(static_cast<uint32_t>(b) << 16);
}

/// Rounds to nearest, ties to even; a NaN stays a (quiet) NaN.
inline uint16_t FloatToBFloat(float f) {
  const uint32_t w = std::bit_cast<uint32_t>(f);
  if ((w & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<uint16_t>((w >> 16) | 0x0040u);
  return static_cast<uint16_t>((w + 0x7FFFu + ((w >> 16) & 1u)) >> 16);
}

}  // namespace autoglm

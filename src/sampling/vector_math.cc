// Loops are written over small fixed arrays of lanes: any compiler turns those into vector
// instructions without being allowed to reorder floating-point sums.
#include "sampling/vector_math.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace autoglm {

namespace {

constexpr size_t kLanes = 16;

constexpr float kLowestExponent =
    -88.0297f;  // n below is -127, where the bits of 2^n are those of 0

// exp(x) = 2^n exp(r) with n the integer nearest to x / ln 2 and |r| <= ln 2 / 2; exp(r) by its
// Taylor polynomial of degree 7, whose remainder is below 6e-9. ln 2 is split in two, as Cody and
// Waite do, so that r has no cancellation error: the first part has 9 bits and n * kLn2High is
// exact. For kLowestExponent <= x <= 0.
inline float BoundedExp(float x) {
  constexpr float kLn2High = 0.693359375f;
  constexpr float kLn2Low = -2.12194440e-4f;
  const int32_t n = static_cast<int32_t>(x * 1.44269504f - 0.5f);
  const float r = (x - static_cast<float>(n) * kLn2High) - static_cast<float>(n) * kLn2Low;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return p * std::bit_cast<float>((n + 127) << 23);
}

bool HasNaN(std::span<const float> x) {
  uint32_t lanes[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) lanes[j] |= x[i + j] != x[i + j];
  }
  for (; i < x.size(); ++i) lanes[0] |= x[i] != x[i];
  return std::any_of(lanes, lanes + kLanes, [](uint32_t lane) { return lane != 0; });
}

}  // namespace

MaxResult MaxOf(std::span<const float> x) {
  if (HasNaN(x)) {
    MaxResult result{-std::numeric_limits<float>::infinity(), true};
    for (float v : x) result.value = v > result.value ? v : result.value;
    return result;
  }
  // Blocks are folded in half until one is left: no step waits for the one before it.
  constexpr size_t kBlock = 512;
  MaxResult result{-std::numeric_limits<float>::infinity(), false};
  size_t i = 0;
  for (; i + kBlock <= x.size(); i += kBlock) {
    const float* block = &x[i];
    float folded[kBlock / 2];
    for (size_t j = 0; j < kBlock / 2; ++j) folded[j] = std::max(block[j], block[j + kBlock / 2]);
    for (size_t half = kBlock / 4; half > 0; half /= 2) {
      for (size_t j = 0; j < half; ++j) folded[j] = std::max(folded[j], folded[j + half]);
    }
    result.value = std::max(result.value, folded[0]);
  }
  for (; i < x.size(); ++i) result.value = std::max(result.value, x[i]);
  return result;
}

void ExpBelowMax(std::span<const float> x, float max, float* out) {
  // Two loops per block: in one, GCC turns the bound into a branch and vectorizes nothing.
  constexpr size_t kBlock = 512;
  for (size_t begin = 0; begin < x.size(); begin += kBlock) {
    const size_t end = std::min(begin + kBlock, x.size());
    for (size_t i = begin; i < end; ++i) {
      const float exponent = x[i] - max;
      out[i] = exponent > kLowestExponent ? exponent : kLowestExponent;
    }
    for (size_t i = begin; i < end; ++i) out[i] = BoundedExp(out[i]);
  }
}

double SumOf(std::span<const float> x) {
  double lanes[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) lanes[j] += x[i + j];
  }
  for (size_t j = 0; i < x.size(); ++i, ++j) lanes[j] += x[i];
  double sum = 0;
  for (double lane : lanes) sum += lane;
  return sum;
}

}  // namespace autoglm

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

}  // namespace

MaxResult MaxOf(std::span<const float> x) {
  float lanes[kLanes];
  int32_t nan_lanes[kLanes] = {};
  for (float& lane : lanes) lane = -std::numeric_limits<float>::infinity();
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) {
      const float v = x[i + j];
      lanes[j] = v > lanes[j] ? v : lanes[j];
      nan_lanes[j] |= v != v;
    }
  }
  for (; i < x.size(); ++i) {
    lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
    nan_lanes[0] |= x[i] != x[i];
  }
  MaxResult result{lanes[0], false};
  for (size_t j = 0; j < kLanes; ++j) {
    if (lanes[j] > result.value) result.value = lanes[j];
    result.has_nan |= nan_lanes[j] != 0;
  }
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

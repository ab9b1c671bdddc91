// Float32 dot products in plain loops that compilers turn into vector code. Sixteen partial sums,
// added as a tree: the order is fixed, so the result is the same however tokens are grouped.
#pragma once

#include <cstdint>

namespace autoglm {
namespace {

inline constexpr int kLanes = 16;

inline float SumLanes(const float* lanes) {
  float sums[kLanes];
  for (int i = 0; i < kLanes; ++i) sums[i] = lanes[i];
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) sums[i] += sums[i + width];
  }
  return sums[0];
}

inline float Dot(const float* a, const float* b, int64_t n) {
  float lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) lanes[l] += a[i + l] * b[i + l];
  }
  for (int l = 0; i < n; ++i, ++l) lanes[l] += a[i] * b[i];
  return SumLanes(lanes);
}

/// Dot(a, b0) and Dot(a, b1), reading a once.
inline void Dot2(const float* a, const float* b0, const float* b1, int64_t n, float* y0,
                 float* y1) {
  float lanes0[kLanes] = {}, lanes1[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) lanes0[l] += a[i + l] * b0[i + l];
    for (int l = 0; l < kLanes; ++l) lanes1[l] += a[i + l] * b1[i + l];
  }
  for (int l = 0; i < n; ++i, ++l) {
    lanes0[l] += a[i] * b0[i];
    lanes1[l] += a[i] * b1[i];
  }
  *y0 = SumLanes(lanes0);
  *y1 = SumLanes(lanes1);
}

}  // namespace
}  // namespace autoglm

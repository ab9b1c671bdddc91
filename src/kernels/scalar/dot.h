// Float32 dot products for any CPU. Sixteen partial sums, added as a tree: the order is fixed, so
// the result is the same however tokens are grouped.
#pragma once

#include <cstdint>
#include <cstring>

namespace autoglm {
namespace {

inline constexpr int kLanes = 16;

// Four floats that GCC and Clang keep in a register on every CPU that has such registers. Left to
// themselves they vectorize one sum of products, but not two at a time.
typedef float Vec4 __attribute__((vector_size(16)));

struct LaneSums {
  Vec4 v[4] = {};

  void Add(const float* a, const float* b) {
    for (int i = 0; i < 4; ++i) {
      Vec4 x, y;
      std::memcpy(&x, a + 4 * i, sizeof(x));
      std::memcpy(&y, b + 4 * i, sizeof(y));
      v[i] += x * y;
    }
  }

  // The last n < kLanes products.
  void AddRest(const float* a, const float* b, int64_t n) {
    for (int64_t i = 0; i < n; ++i) v[i / 4][i % 4] += a[i] * b[i];
  }

  float Sum() const {
    const Vec4 s = (v[0] + v[2]) + (v[1] + v[3]);
    return (s[0] + s[2]) + (s[1] + s[3]);
  }
};

inline float Dot(const float* a, const float* b, int64_t n) {
  LaneSums sums;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) sums.Add(a + i, b + i);
  sums.AddRest(a + i, b + i, n - i);
  return sums.Sum();
}

/// Dot(a, b0) and Dot(a, b1), reading a once.
inline void Dot2(const float* a, const float* b0, const float* b1, int64_t n, float* y0,
                 float* y1) {
  LaneSums sums0, sums1;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    sums0.Add(a + i, b0 + i);
    sums1.Add(a + i, b1 + i);
  }
  sums0.AddRest(a + i, b0 + i, n - i);
  sums1.AddRest(a + i, b1 + i, n - i);
  *y0 = sums0.Sum();
  *y1 = sums1.Sum();
}

}  // namespace
}  // namespace autoglm

// Activations as the integer kernels read them: blocks of 32 int8 with a scale and their sums.
// Include an instruction set's vec.h before.
#pragma once

#include <cstddef>
#include <cstdint>

namespace autoglm {
namespace {

/// x[i] = d q[i], |q| <= 127, d = max |x| / 127: an error of at most d / 2, about 0.5 % of a
/// Gaussian x in relative L2.
struct Int8Block {
  static constexpr int kElements = 32;
  int8_t q[32];
  float d;
  int32_t neg_sum;          ///< -(q[0] + ... + q[31]): what offsets and minima are multiplied by
  float neg_sum_float;      ///< the same
  int16_t neg_sum_half[2];  ///< of the first and the last 16
};
static_assert(sizeof(Int8Block) == 48);

inline int64_t Int8Bytes(int64_t cols) {
  return cols / Int8Block::kElements * static_cast<int64_t>(sizeof(Int8Block));
}

inline void PrepareInt8(const float* x, int64_t cols, std::byte* out) {
  constexpr int kVectors = Int8Block::kElements / kLanes;
  Int8Block* block = reinterpret_cast<Int8Block*>(out);
  for (int64_t at = 0; at < cols; at += Int8Block::kElements, ++block) {
    F32 v[kVectors], largest = ZeroF();
    for (int i = 0; i < kVectors; ++i) {
      v[i] = LoadF(x + at + i * kLanes);
      largest = Max(largest, Abs(v[i]));
    }
    const float magnitude = MaxOf(largest);
    const F32 inverse = SplatF(magnitude > 1e-30f ? 127.0f / magnitude : 0.0f);
    int32_t sums[2] = {};
    for (int i = 0; i < kVectors; ++i) {
      const I32 q = RoundToInt(Mul(v[i], inverse));
      StoreAsBytes(block->q + i * kLanes, q);
      sums[i * 2 / kVectors] += SumOfI(q);
    }
    block->d = magnitude * (1.0f / 127.0f);
    block->neg_sum = -(sums[0] + sums[1]);
    block->neg_sum_float = static_cast<float>(block->neg_sum);
    for (int i = 0; i < 2; ++i) block->neg_sum_half[i] = static_cast<int16_t>(-sums[i]);
  }
}

}  // namespace
}  // namespace autoglm

// The loops of the block encoders; contracts in quant/encoder_loops.h. Include an instruction set's
// vec.h before.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/vector/unroll.h"
#include "quant/encoder_loops.h"

namespace autoglm {
namespace {

inline constexpr int kSearchVectors = kSearchLanes / kLanes;
static_assert(kSearchLanes % kLanes == 0);

inline float LoadFinite(const float* x, int n, float* out) {
  F32 largest = ZeroF();
  for (int i = 0; i < n; i += kLanes) {
    const F32 v = Clamp(NanToZero(LoadF(x + i)), SplatF(-kMaxMagnitude), SplatF(kMaxMagnitude));
    StoreF(out + i, v);
    largest = Max(largest, Abs(v));
  }
  return MaxOf(largest);
}

inline void SumLanes(const float* x, const float* w, int n, Levels levels,
                     const SearchLanes& inverse, const SearchLanes& offset, LaneSums* sums) {
  const F32 low = SplatF(static_cast<float>(levels.lowest));
  const F32 high = SplatF(static_cast<float>(levels.highest));
  F32 factor[kSearchVectors], shift[kSearchVectors];
  F32 sum_q[kSearchVectors], sum_qq[kSearchVectors], sum_qx[kSearchVectors];
  AUTOGLM_UNROLL for (int k = 0; k < kSearchVectors; ++k) {
    factor[k] = LoadF(inverse + k * kLanes);
    shift[k] = LoadF(offset + k * kLanes);
    sum_q[k] = sum_qq[k] = sum_qx[k] = ZeroF();
  }
  for (int i = 0; i < n; ++i) {
    const F32 xi = SplatF(x[i]), wi = SplatF(w[i]);
    AUTOGLM_UNROLL for (int k = 0; k < kSearchVectors; ++k) {
      const F32 q = RoundF(Clamp(Mul(Sub(xi, shift[k]), factor[k]), low, high));
      const F32 wq = Mul(wi, q);
      sum_q[k] = Add(sum_q[k], wq);
      sum_qq[k] = Add(sum_qq[k], Mul(wq, q));
      sum_qx[k] = Add(sum_qx[k], Mul(wq, xi));
    }
  }
  AUTOGLM_UNROLL for (int k = 0; k < kSearchVectors; ++k) {
    StoreF(sums->q + k * kLanes, sum_q[k]);
    StoreF(sums->qq + k * kLanes, sum_qq[k]);
    StoreF(sums->qx + k * kLanes, sum_qx[k]);
  }
}

inline void LaneErrors(const float* x, const float* w, int n, Levels levels,
                       const SearchLanes& scale, const SearchLanes& offset, SearchLanes* errors) {
  const F32 low = SplatF(static_cast<float>(levels.lowest));
  const F32 high = SplatF(static_cast<float>(levels.highest));
  F32 step[kSearchVectors], factor[kSearchVectors], shift[kSearchVectors], sum[kSearchVectors];
  AUTOGLM_UNROLL for (int k = 0; k < kSearchVectors; ++k) {
    step[k] = LoadF(scale + k * kLanes);
    factor[k] = ReciprocalOrZero(step[k]);
    shift[k] = LoadF(offset + k * kLanes);
    sum[k] = ZeroF();
  }
  for (int i = 0; i < n; ++i) {
    const F32 xi = SplatF(x[i]), wi = SplatF(w[i]);
    AUTOGLM_UNROLL for (int k = 0; k < kSearchVectors; ++k) {
      const F32 shifted = Sub(xi, shift[k]);
      const F32 q = RoundF(Clamp(Mul(shifted, factor[k]), low, high));
      const F32 error = Sub(shifted, Mul(step[k], q));
      sum[k] = Add(sum[k], Mul(Mul(wi, error), error));
    }
  }
  AUTOGLM_UNROLL for (int k = 0; k < kSearchVectors; ++k) StoreF(*errors + k * kLanes, sum[k]);
}

inline void AssignLevels(const float* x, int n, float scale, float offset, Levels levels,
                         int8_t* q) {
  const F32 low = SplatF(static_cast<float>(levels.lowest));
  const F32 high = SplatF(static_cast<float>(levels.highest));
  const F32 factor = ReciprocalOrZero(SplatF(scale)), shift = SplatF(offset);
  for (int i = 0; i < n; i += kLanes) {
    const F32 level = Clamp(Mul(Sub(LoadF(x + i), shift), factor), low, high);
    StoreAsBytes(q + i, RoundToInt(level));
  }
}

inline void ToHalves(const float* x, int64_t n, std::byte* out) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) StoreFiniteHalves(out + 2 * i, LoadF(x + i));
  if (const int rest = static_cast<int>(n - i); rest > 0) {
    std::byte last[2 * kLanes];
    StoreFiniteHalves(last, LoadFirst(x + i, rest));
    for (int k = 0; k < 2 * rest; ++k) out[2 * i + k] = last[k];
  }
}

inline constexpr EncoderLoops kEncoderLoops = {LoadFinite, SumLanes, LaneErrors, AssignLevels,
                                               ToHalves};

}  // namespace
}  // namespace autoglm

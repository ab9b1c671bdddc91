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

struct SearchSums {
  F32 q[kSearchVectors], qq[kSearchVectors], qx[kSearchVectors];  // of w q, w q q and w q x
};

// Without an offset the sums of w q are not needed.
template <bool kHasOffset>
inline SearchSums SumLanes(const float* x, const float* w, int n, Levels levels,
                           const SearchLanes& inverse, const float* offset) {
  const F32 low = SplatF(static_cast<float>(levels.lowest));
  const F32 high = SplatF(static_cast<float>(levels.highest));
  F32 factor[kSearchVectors], shift[kSearchVectors];
  SearchSums sums;
  AUTOGLM_UNROLL for (int k = 0; k < kSearchVectors; ++k) {
    factor[k] = LoadF(inverse + k * kLanes);
    if constexpr (kHasOffset) shift[k] = LoadF(offset + k * kLanes);
    sums.q[k] = sums.qq[k] = sums.qx[k] = ZeroF();
  }
  for (int i = 0; i < n; ++i) {
    const F32 xi = SplatF(x[i]), wi = SplatF(w[i]);
    AUTOGLM_UNROLL for (int k = 0; k < kSearchVectors; ++k) {
      F32 shifted = xi;
      if constexpr (kHasOffset) shifted = Sub(xi, shift[k]);
      const F32 q = RoundF(Clamp(Mul(shifted, factor[k]), low, high));
      const F32 wq = Mul(wi, q);
      if constexpr (kHasOffset) sums.q[k] = Add(sums.q[k], wq);
      sums.qq[k] = Add(sums.qq[k], Mul(wq, q));
      sums.qx[k] = Add(sums.qx[k], Mul(wq, xi));
    }
  }
  return sums;
}

// Takes the first lane of largest gain where that is above what `best` has.
inline void TakeBest(const F32 (&gains)[kSearchVectors], const SearchLanes& scales,
                     const float* offsets, BestFit* best) {
  F32 largest = gains[0];
  AUTOGLM_UNROLL for (int k = 1; k < kSearchVectors; ++k) largest = Max(largest, gains[k]);
  const float gain = MaxOf(largest);
  if (!(gain > best->gain)) return;
  int lane = 0;
  for (int k = 0; k < kSearchVectors; ++k) {
    const int found = FirstEqual(gains[k], gain);
    lane += found;
    if (found < kLanes) break;
  }
  *best = {gain, {scales[lane], offsets == nullptr ? 0.0f : offsets[lane]}};
}

inline void ScaleRound(const float* x, const float* w, int n, Levels levels, SearchLanes* inverse,
                       BestFit* best) {
  const SearchSums sums = SumLanes<false>(x, w, n, levels, *inverse, nullptr);
  F32 gains[kSearchVectors];
  SearchLanes scales;
  AUTOGLM_UNROLL for (int k = 0; k < kSearchVectors; ++k) {
    const F32 scale = Div(sums.qx[k], IfGreater(sums.qq[k], ZeroF(), sums.qq[k], SplatF(1)));
    gains[k] = Mul(scale, sums.qx[k]);
    StoreF(scales + k * kLanes, scale);
    StoreF(*inverse + k * kLanes, ReciprocalOrZero(scale));
  }
  TakeBest(gains, scales, nullptr, best);
}

inline void AffineRound(const AffineProblem& problem, SearchLanes* inverse, SearchLanes* offset,
                        BestFit* best) {
  const SearchSums sums =
      SumLanes<true>(problem.x, problem.w, problem.n, problem.levels, *inverse, *offset);
  const F32 sum_w = SplatF(problem.sum_w), sum_x = SplatF(problem.sum_x), two = SplatF(2);
  const F32 limit = SplatF(problem.max_offset), zero = ZeroF(), one = SplatF(1);
  const F32 tiny = Mul(SplatF(1e-6f), sum_w);
  F32 gains[kSearchVectors];
  SearchLanes scales, offsets;
  AUTOGLM_UNROLL for (int k = 0; k < kSearchVectors; ++k) {
    const F32 q = sums.q[k], qq = sums.qq[k], qx = sums.qx[k];
    const F32 determinant = Sub(Mul(sum_w, qq), Mul(q, q)), floor = Mul(tiny, qq);
    const F32 divisor = IfGreater(determinant, floor, determinant, one);
    const F32 free_scale = Div(Sub(Mul(sum_w, qx), Mul(q, sum_x)), divisor);
    const F32 free_at = Div(Sub(Mul(qq, sum_x), Mul(q, qx)), divisor);
    const F32 given_at = IfGreater(determinant, floor, limit, zero);
    const F32 given_scale = Div(Sub(qx, Mul(given_at, q)), IfGreater(qq, zero, qq, one));
    const auto choose = [&](F32 free, F32 given) {
      return IfGreater(determinant, floor, IfGreater(free_at, limit, given, free), given);
    };
    const F32 scale = choose(free_scale, given_scale), at = choose(free_at, given_at);
    const F32 of_offset = Mul(at, Sub(Mul(two, sum_x), Mul(at, sum_w)));
    const F32 of_scale = Mul(scale, Sub(Mul(two, Sub(qx, Mul(at, q))), Mul(scale, qq)));
    gains[k] = IfGreater(scale, zero, Add(of_offset, of_scale), SplatF(-1));
    StoreF(scales + k * kLanes, scale);
    StoreF(offsets + k * kLanes, at);
    float* const next_inverse = *inverse + k * kLanes;
    float* const next_offset = *offset + k * kLanes;
    StoreF(next_inverse, IfGreater(scale, zero, Div(one, scale), LoadF(next_inverse)));
    StoreF(next_offset, IfGreater(scale, zero, at, LoadF(next_offset)));
  }
  TakeBest(gains, scales, offsets, best);
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

inline constexpr EncoderLoops kEncoderLoops = {LoadFinite, ScaleRound,   AffineRound,
                                               LaneErrors, AssignLevels, ToHalves};

}  // namespace
}  // namespace autoglm

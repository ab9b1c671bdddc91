// The candidates' loops, least squares in closed form, and the two levels of scales of a
// super-block.
#include "quant/scale_search.h"

#include <algorithm>
#include <cmath>

#include "base/float16.h"
#include "quant/block_codec.h"

namespace autoglm {

namespace {

// Candidates are tried kLanes at a time, one in each vector lane. The loop over elements stays
// outside, so that it vectorizes without reordering a sum.
constexpr int kLanes = 16;
using Lanes = float[kLanes];

constexpr int kMaxFit = 32;  // elements of the longest sub-block

// Once with the factors that reach the largest sub-block, once with those of least squares.
constexpr int kSuperBlockRounds = 2;

// To the nearest whole number for |v| < 2^22, ties to even, in a form that vectorizes everywhere.
inline float RoundSmall(float v) {
  constexpr float kShift = 0x1.8p+23f;
  return (v + kShift) - kShift;
}

inline float ClampTo(float v, float low, float high) {
  v = v > low ? v : low;
  return v < high ? v : high;
}

inline float Reciprocal(float scale) { return scale == 0 ? 0.0f : 1.0f / scale; }

// What least squares needs to know of a lane: sums of w q, w q q and w q x.
struct LaneSums {
  Lanes q, qq, qx;
};

void SumLanes(const float* x, const float* w, int n, Levels levels, const Lanes& inverse,
              const Lanes& offset, LaneSums* sums) {
  const float low = static_cast<float>(levels.lowest), high = static_cast<float>(levels.highest);
  Lanes sum_q = {}, sum_qq = {}, sum_qx = {};
  for (int i = 0; i < n; ++i) {
    const float xi = x[i], wi = w[i];
    for (int lane = 0; lane < kLanes; ++lane) {
      const float q = RoundSmall(ClampTo((xi - offset[lane]) * inverse[lane], low, high));
      const float wq = wi * q;
      sum_q[lane] += wq;
      sum_qq[lane] += wq * q;
      sum_qx[lane] += wq * xi;
    }
  }
  std::copy(sum_q, sum_q + kLanes, sums->q);
  std::copy(sum_qq, sum_qq + kLanes, sums->qq);
  std::copy(sum_qx, sum_qx + kLanes, sums->qx);
}

// The weighted squared error of each lane's scale and offset.
void LaneErrors(const float* x, const float* w, int n, Levels levels, const Lanes& scale,
                const Lanes& offset, Lanes* errors) {
  const float low = static_cast<float>(levels.lowest), high = static_cast<float>(levels.highest);
  Lanes inverse, sum = {};
  for (int lane = 0; lane < kLanes; ++lane) inverse[lane] = Reciprocal(scale[lane]);
  for (int i = 0; i < n; ++i) {
    const float xi = x[i], wi = w[i];
    for (int lane = 0; lane < kLanes; ++lane) {
      const float shifted = xi - offset[lane];
      const float q = RoundSmall(ClampTo(shifted * inverse[lane], low, high));
      const float error = shifted - scale[lane] * q;
      sum[lane] += wi * error * error;
    }
  }
  std::copy(sum, sum + kLanes, *errors);
}

// The starts of FitAffine, for values that lie in 0..range: either end moved inwards by some
// fraction of a step. Offsets stay at or below `max_offset`.
void AffineStarts(float range, float highest, float max_offset, Lanes* inverse, Lanes* offset) {
  constexpr float kMoves[4] = {-0.1f, 0.2f, 0.5f, 0.8f};
  static_assert(kLanes == 4 * 4);
  const float step = range / highest;
  for (int lane = 0; lane < kLanes; ++lane) {
    const float top = range - kMoves[lane / 4] * step;
    (*offset)[lane] = std::min(kMoves[lane % 4] * step, max_offset);
    (*inverse)[lane] = highest / (top - (*offset)[lane]);
  }
}

// Scale and offset of least error for given levels, the offset not above `max_offset`.
AffineFit SolveAffine(float sum_w, float sum_x, float q, float qq, float qx, float max_offset) {
  const float determinant = sum_w * qq - q * q;
  AffineFit fit;
  if (determinant > 1e-6f * sum_w * qq) {
    fit.scale = (sum_w * qx - q * sum_x) / determinant;
    fit.offset = (qq * sum_x - q * qx) / determinant;
    if (fit.offset <= max_offset) return fit;
    fit.offset = max_offset;
  }
  // The offset is given (0 where all levels are one, which leaves it open); the scale remains.
  fit.scale = qq > 0 ? (qx - fit.offset * q) / qq : 0.0f;
  return fit;
}

// The sums of a sub-block whose levels are chosen: of w, w x, w q, w q q and w q x.
struct SubBlockSums {
  float w = 0, x = 0, q = 0, qq = 0, qx = 0;
};

SubBlockSums SumSubBlock(const float* x, const float* w, int n, const int8_t* q) {
  SubBlockSums sums;
  for (int i = 0; i < n; ++i) {
    const float qi = static_cast<float>(q[i]), wq = w[i] * qi;
    sums.w += w[i];
    sums.x += w[i] * x[i];
    sums.q += wq;
    sums.qq += wq * qi;
    sums.qx += wq * x[i];
  }
  return sums;
}

int LeastLane(const Lanes& errors) {
  return static_cast<int>(std::min_element(errors, errors + kLanes) - errors);
}

}  // namespace

void AssignLevels(const float* x, int n, float scale, float offset, Levels levels, int8_t* q) {
  const float low = static_cast<float>(levels.lowest), high = static_cast<float>(levels.highest);
  const float inverse = Reciprocal(scale);
  for (int i = 0; i < n; ++i) {
    const float level = RoundSmall(ClampTo((x[i] - offset) * inverse, low, high));
    q[i] = static_cast<int8_t>(static_cast<int>(level));
  }
}

float FitScale(const float* x, const float* w, int n, Levels levels) {
  float largest = 0;
  for (int i = 0; i < n; ++i) {
    if (std::fabs(x[i]) > std::fabs(largest)) largest = x[i];
  }
  if (largest == 0) return 0;
  // Starts: the largest value at so many steps on the side of the lowest level, which reaches
  // further; where it lies beyond it is clipped, which pays if its weight is small. Both ends of
  // the range were found by trial against an exhaustive search.
  const float reach = static_cast<float>(-levels.lowest);
  const float most = reach + 0.6f * std::sqrt(reach), least = reach - 1.3f * std::sqrt(reach);
  Lanes inverse, offset = {};
  for (int lane = 0; lane < kLanes; ++lane) {
    const float position = static_cast<float>(lane) / (kLanes - 1);
    inverse[lane] = -(most + (least - most) * position) / largest;
  }
  float best_gain = 0, best_scale = 0;
  constexpr int kRounds = 2;
  for (int round = 0; round < kRounds; ++round) {
    LaneSums sums;
    SumLanes(x, w, n, levels, inverse, offset, &sums);
    for (int lane = 0; lane < kLanes; ++lane) {
      // With scale = qx / qq the error is sum w x x - qx qx / qq.
      const float scale = sums.qq[lane] > 0 ? sums.qx[lane] / sums.qq[lane] : 0.0f;
      const float gain = scale * sums.qx[lane];
      if (gain > best_gain) best_gain = gain, best_scale = scale;
      inverse[lane] = Reciprocal(scale);
    }
  }
  return best_scale;
}

AffineFit FitAffine(const float* x, const float* w, int n, Levels levels, bool offset_below_zero) {
  float low = x[0], high = x[0];
  for (int i = 1; i < n; ++i) {
    low = std::min(low, x[i]);
    high = std::max(high, x[i]);
  }
  if (offset_below_zero) low = std::min(low, 0.0f);
  const float range = high - low;
  if (!(range > 0x1.0p-20f * std::max(std::fabs(low), std::fabs(high)))) return {0, low};

  // All is done with y = x - low, so that a large common offset does not eat the digits of the
  // sums.
  float y[kMaxFit];
  float sum_w = 0, sum_y = 0;
  for (int i = 0; i < n; ++i) {
    y[i] = x[i] - low;
    sum_w += w[i];
    sum_y += w[i] * y[i];
  }
  const float max_offset = offset_below_zero ? -low : range;
  Lanes inverse, offset;
  AffineStarts(range, static_cast<float>(levels.highest), max_offset, &inverse, &offset);
  float best_gain = 0;
  AffineFit best = {0, low};
  constexpr int kRounds = 2;
  for (int round = 0; round < kRounds; ++round) {
    LaneSums sums;
    SumLanes(y, w, n, levels, inverse, offset, &sums);
    for (int lane = 0; lane < kLanes; ++lane) {
      const float q = sums.q[lane], qq = sums.qq[lane], qx = sums.qx[lane];
      const auto [scale, at] = SolveAffine(sum_w, sum_y, q, qq, qx, max_offset);
      if (!(scale > 0)) continue;
      // The error is sum w y y - gain.
      const float gain = at * (2 * sum_y - at * sum_w) + scale * (2 * (qx - at * q) - scale * qq);
      if (gain > best_gain) best_gain = gain, best = {scale, low + at};
      inverse[lane] = 1.0f / scale;
      offset[lane] = at;
    }
  }
  return best;
}

namespace {

// Sub-block `s` with whole scales near `wanted`: picks the best, sets the levels, returns the sums.
SubBlockSums RefineScale(const float* x, const float* w, int s, float d, float wanted,
                         Levels levels, Levels scale_levels, SuperBlockFit* fit) {
  constexpr int kSub = 16;
  const float low = static_cast<float>(scale_levels.lowest);
  const float high = static_cast<float>(scale_levels.highest);
  const float nearest = RoundSmall(ClampTo(wanted, low, high));
  Lanes whole, scale, offset = {}, errors;
  for (int lane = 0; lane < kLanes; ++lane) {
    whole[lane] = ClampTo(nearest + static_cast<float>(lane - kLanes / 2), low, high);
    scale[lane] = d * whole[lane];
  }
  LaneErrors(x, w, kSub, levels, scale, offset, &errors);
  const int best = LeastLane(errors);
  fit->scales[s] = static_cast<int8_t>(whole[best]);
  int8_t* q = fit->q + kSub * s;
  AssignLevels(x, kSub, scale[best], 0, levels, q);
  return SumSubBlock(x, w, kSub, q);
}

// As RefineScale, for a scale and a min of 0..top each.
SubBlockSums RefineScaleAndMin(const float* x, const float* w, int sub_block, int s, float d,
                               float dmin, AffineFit wanted, Levels levels, float top,
                               SuperBlockFit* fit) {
  const float near_scale = RoundSmall(ClampTo(wanted.scale * Reciprocal(d), 0, top));
  const float near_min = RoundSmall(ClampTo(-wanted.offset * Reciprocal(dmin), 0, top));
  Lanes whole_scale, whole_min, scale, offset, errors;
  for (int lane = 0; lane < kLanes; ++lane) {
    whole_scale[lane] = ClampTo(near_scale + static_cast<float>(lane % 4 - 1), 0, top);
    whole_min[lane] = ClampTo(near_min + static_cast<float>(lane / 4 - 1), 0, top);
    scale[lane] = d * whole_scale[lane];
    offset[lane] = -dmin * whole_min[lane];
  }
  LaneErrors(x, w, sub_block, levels, scale, offset, &errors);
  const int best = LeastLane(errors);
  fit->scales[s] = static_cast<int8_t>(whole_scale[best]);
  fit->mins[s] = static_cast<int8_t>(whole_min[best]);
  int8_t* q = fit->q + sub_block * s;
  AssignLevels(x, sub_block, scale[best], offset[best], levels, q);
  return SumSubBlock(x, w, sub_block, q);
}

}  // namespace

SuperBlockFit FitScaledSuperBlock(const float* x, const float* w, Levels levels,
                                  Levels scale_levels) {
  constexpr int kSub = 16, kSubs = kSuperBlock / kSub;
  float scales[kSubs], largest = 0;
  for (int s = 0; s < kSubs; ++s) {
    scales[s] = FitScale(x + kSub * s, w + kSub * s, kSub, levels);
    if (std::fabs(scales[s]) > std::fabs(largest)) largest = scales[s];
  }
  SuperBlockFit fit;
  float d = largest / static_cast<float>(scale_levels.lowest);
  for (int round = 0; round < kSuperBlockRounds; ++round) {
    fit.d = FloatToFiniteHalf(d);
    d = HalfToFloat(fit.d);
    // Least squares of x ~ d a with a = scale q.
    double aa = 0, ax = 0;
    for (int s = 0; s < kSubs; ++s) {
      const SubBlockSums sums = RefineScale(x + kSub * s, w + kSub * s, s, d,
                                            scales[s] * Reciprocal(d), levels, scale_levels, &fit);
      const double a = fit.scales[s];
      aa += a * a * sums.qq;
      ax += a * sums.qx;
    }
    if (aa > 0) d = static_cast<float>(ax / aa);
  }
  return fit;
}

SuperBlockFit FitAffineSuperBlock(const float* x, const float* w, int sub_block, int max_level,
                                  int max_scale) {
  const int n_subs = kSuperBlock / sub_block;
  const Levels levels = {0, max_level};
  const float top = static_cast<float>(max_scale);
  AffineFit subs[16];
  float d = 0, dmin = 0;
  for (int s = 0; s < n_subs; ++s) {
    subs[s] = FitAffine(x + sub_block * s, w + sub_block * s, sub_block, levels,
                        /*offset_below_zero=*/true);
    d = std::max(d, subs[s].scale / top);
    dmin = std::max(dmin, -subs[s].offset / top);
  }
  SuperBlockFit fit;
  for (int round = 0; round < kSuperBlockRounds; ++round) {
    fit.d = FloatToFiniteHalf(d);
    fit.dmin = FloatToFiniteHalf(dmin);
    d = HalfToFloat(fit.d);
    dmin = HalfToFloat(fit.dmin);
    // Least squares of x ~ d a - dmin b with a = scale q, b = min.
    double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;
    for (int s = 0; s < n_subs; ++s) {
      const SubBlockSums sums = RefineScaleAndMin(x + sub_block * s, w + sub_block * s, sub_block,
                                                  s, d, dmin, subs[s], levels, top, &fit);
      const double a = fit.scales[s], b = fit.mins[s];
      aa += a * a * sums.qq;
      ab += a * b * sums.q;
      bb += b * b * sums.w;
      ax += a * sums.qx;
      bx += b * sums.x;
    }
    const double determinant = aa * bb - ab * ab;
    if (determinant > 1e-9 * aa * bb) {
      d = static_cast<float>((bb * ax - ab * bx) / determinant);
      dmin = static_cast<float>((ab * ax - aa * bx) / determinant);
    }
  }
  return fit;
}

}  // namespace autoglm

// The candidates' loops, least squares in closed form, and the two levels of scales of a
// super-block.
#include "quant/scale_search.h"

#include <algorithm>
#include <cmath>

#include "base/float16.h"
#include "quant/block_codec.h"

namespace autoglm {

namespace {

constexpr int kMaxFit = 32;  // elements of the longest sub-block

// Once with the factors that reach the largest sub-block, once with those of least squares.
constexpr int kSuperBlockRounds = 2;

using Lanes = SearchLanes;
constexpr int kLanes = kSearchLanes;

int LeastLane(const Lanes& errors) {
  return static_cast<int>(std::min_element(errors, errors + kLanes) - errors);
}

// The first of the values of largest magnitude.
float LargestValue(const float* x, int n) {
  Lanes largest = {};
  for (int i = 0; i < n; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      largest[lane] = std::max(largest[lane], std::fabs(x[i + lane]));
    }
  }
  const float magnitude = *std::max_element(largest, largest + kLanes);
  return *std::find_if(x, x + n - 1, [&](float v) { return std::fabs(v) == magnitude; });
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

}  // namespace

float FitScale(const EncoderLoops& loops, const float* x, const float* w, int n, Levels levels) {
  const float largest = LargestValue(x, n);
  if (largest == 0) return 0;
  // Starts: the largest value at so many steps on the side of the lowest level, which reaches
  // further; where it lies beyond it is clipped, which pays if its weight is small. Both ends of
  // the range were found by trial against an exhaustive search.
  const float reach = static_cast<float>(-levels.lowest);
  const float most = reach + 0.6f * std::sqrt(reach), least = reach - 1.3f * std::sqrt(reach);
  Lanes inverse;
  for (int lane = 0; lane < kLanes; ++lane) {
    const float position = static_cast<float>(lane) / (kLanes - 1);
    inverse[lane] = -(most + (least - most) * position) / largest;
  }
  BestFit best;
  constexpr int kRounds = 2;
  for (int round = 0; round < kRounds; ++round) {
    loops.scale_round(x, w, n, levels, &inverse, &best);
  }
  return best.fit.scale;
}

AffineFit FitAffine(const EncoderLoops& loops, const float* x, const float* w, int n, Levels levels,
                    bool offset_below_zero) {
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
  const AffineProblem problem = {y, w, n, levels, sum_w, sum_y, max_offset};
  BestFit best;
  constexpr int kRounds = 2;
  for (int round = 0; round < kRounds; ++round) {
    loops.affine_round(problem, &inverse, &offset, &best);
  }
  return {best.fit.scale, low + best.fit.offset};
}

namespace {

// Sub-block `s` with whole scales near `wanted`: picks the best, sets the levels, returns the sums.
SubBlockSums RefineScale(const EncoderLoops& loops, const float* x, const float* w, int s, float d,
                         float wanted, Levels levels, Levels scale_levels, SuperBlockFit* fit) {
  constexpr int kSub = 16;
  const float low = static_cast<float>(scale_levels.lowest);
  const float high = static_cast<float>(scale_levels.highest);
  const float nearest = RoundSmall(ClampTo(wanted, low, high));
  Lanes whole, scale, offset = {}, errors;
  for (int lane = 0; lane < kLanes; ++lane) {
    whole[lane] = ClampTo(nearest + static_cast<float>(lane - kLanes / 2), low, high);
    scale[lane] = d * whole[lane];
  }
  loops.lane_errors(x, w, kSub, levels, scale, offset, &errors);
  const int best = LeastLane(errors);
  fit->scales[s] = static_cast<int8_t>(whole[best]);
  int8_t* q = fit->q + kSub * s;
  loops.assign_levels(x, kSub, scale[best], 0, levels, q);
  return SumSubBlock(x, w, kSub, q);
}

// As RefineScale, for a scale and a min of 0..top each.
SubBlockSums RefineScaleAndMin(const EncoderLoops& loops, const float* x, const float* w,
                               int sub_block, int s, float d, float dmin, AffineFit wanted,
                               Levels levels, float top, SuperBlockFit* fit) {
  const float near_scale = RoundSmall(ClampTo(wanted.scale * Reciprocal(d), 0, top));
  const float near_min = RoundSmall(ClampTo(-wanted.offset * Reciprocal(dmin), 0, top));
  Lanes whole_scale, whole_min, scale, offset, errors;
  for (int lane = 0; lane < kLanes; ++lane) {
    whole_scale[lane] = ClampTo(near_scale + static_cast<float>(lane % 4 - 1), 0, top);
    whole_min[lane] = ClampTo(near_min + static_cast<float>(lane / 4 - 1), 0, top);
    scale[lane] = d * whole_scale[lane];
    offset[lane] = -dmin * whole_min[lane];
  }
  loops.lane_errors(x, w, sub_block, levels, scale, offset, &errors);
  const int best = LeastLane(errors);
  fit->scales[s] = static_cast<int8_t>(whole_scale[best]);
  fit->mins[s] = static_cast<int8_t>(whole_min[best]);
  int8_t* q = fit->q + sub_block * s;
  loops.assign_levels(x, sub_block, scale[best], offset[best], levels, q);
  return SumSubBlock(x, w, sub_block, q);
}

}  // namespace

SuperBlockFit FitScaledSuperBlock(const EncoderLoops& loops, const float* x, const float* w,
                                  Levels levels, Levels scale_levels) {
  constexpr int kSub = 16, kSubs = kSuperBlock / kSub;
  float scales[kSubs], largest = 0;
  for (int s = 0; s < kSubs; ++s) {
    scales[s] = FitScale(loops, x + kSub * s, w + kSub * s, kSub, levels);
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
      const SubBlockSums sums = RefineScale(loops, x + kSub * s, w + kSub * s, s, d,
                                            scales[s] * Reciprocal(d), levels, scale_levels, &fit);
      const double a = fit.scales[s];
      aa += a * a * sums.qq;
      ax += a * sums.qx;
    }
    if (aa > 0) d = static_cast<float>(ax / aa);
  }
  return fit;
}

SuperBlockFit FitAffineSuperBlock(const EncoderLoops& loops, const float* x, const float* w,
                                  int sub_block, int max_level, int max_scale) {
  const int n_subs = kSuperBlock / sub_block;
  const Levels levels = {0, max_level};
  const float top = static_cast<float>(max_scale);
  AffineFit subs[16];
  float d = 0, dmin = 0;
  for (int s = 0; s < n_subs; ++s) {
    subs[s] = FitAffine(loops, x + sub_block * s, w + sub_block * s, sub_block, levels,
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
      const SubBlockSums sums =
          RefineScaleAndMin(loops, x + sub_block * s, w + sub_block * s, sub_block, s, d, dmin,
                            subs[s], levels, top, &fit);
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

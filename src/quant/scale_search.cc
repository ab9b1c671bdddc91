#include "quant/scale_search.h"

#include <algorithm>
#include <cmath>

#include "base/float16.h"
#include "quant/block_codec.h"

namespace autoglm {

namespace {

// Candidates are tried kLanes at a time, one in each vector lane: the loop over elements stays
// outside, so that no sum is reordered and the result is the same on every machine.
constexpr int kLanes = 16;
using Lanes = float[kLanes];

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
  for (int i = 0; i < n; ++i) largest = std::max(largest, std::fabs(x[i]));
  if (largest == 0) return 0;
  // Half of the lanes have either sign. The fewer the levels, the more it pays to clip the largest
  // value: by a third for 3 bits, by a sixth for 6.
  const float reach = static_cast<float>(-levels.lowest);
  Lanes inverse, offset = {};
  for (int lane = 0; lane < kLanes; ++lane) {
    const float position = static_cast<float>(lane / 2) / (kLanes / 2 - 1);
    const float steps = reach + 0.5f - position * (0.5f + std::sqrt(reach));
    inverse[lane] = (lane % 2 == 0 ? steps : -steps) / largest;
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

  // Sums are taken of y = x - low, so that a large common offset does not eat their digits.
  float y[32];
  float sum_w = 0, sum_y = 0;
  for (int i = 0; i < n; ++i) {
    y[i] = x[i] - low;
    sum_w += w[i];
    sum_y += w[i] * y[i];
  }
  // Starts: either end moved inwards by a few fractions of a step.
  const float step = range / static_cast<float>(levels.highest);
  Lanes inverse, offset;
  for (int lane = 0; lane < kLanes; ++lane) {
    constexpr float kMoves[4] = {-0.1f, 0.2f, 0.5f, 0.8f};
    const float bottom = kMoves[lane % 4] * step, top = range - kMoves[lane / 4] * step;
    offset[lane] = offset_below_zero ? std::min(bottom, -low) : bottom;
    inverse[lane] = static_cast<float>(levels.highest) / (top - offset[lane]);
  }
  float best_gain = 0;
  AffineFit best = {0, low};
  constexpr int kRounds = 2;
  for (int round = 0; round < kRounds; ++round) {
    LaneSums sums;
    SumLanes(y, w, n, levels, inverse, offset, &sums);
    for (int lane = 0; lane < kLanes; ++lane) {
      const float q = sums.q[lane], qq = sums.qq[lane], qx = sums.qx[lane];
      const float determinant = sum_w * qq - q * q;
      float scale = 0, at = 0;
      if (determinant > 1e-6f * sum_w * qq) {
        scale = (sum_w * qx - q * sum_y) / determinant;
        at = (qq * sum_y - q * qx) / determinant;
      }
      if (offset_below_zero && at + low > 0) {
        at = -low;
        scale = qq > 0 ? (qx - at * q) / qq : 0.0f;
      }
      if (!(scale > 0)) continue;
      // The error is sum w y y - gain for the best scale at this offset.
      const float gain = at * (2 * sum_y - at * sum_w) + scale * (2 * (qx - at * q) - scale * qq);
      if (gain > best_gain) best_gain = gain, best = {scale, low + at};
      inverse[lane] = 1.0f / scale;
      offset[lane] = at;
    }
  }
  return best;
}

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
  constexpr int kRounds = 2;
  for (int round = 0; round < kRounds; ++round) {
    fit.d = FloatToFiniteHalf(d);
    d = HalfToFloat(fit.d);
    float sum_qq = 0, sum_qx = 0;
    for (int s = 0; s < kSubs; ++s) {
      const float* xs = x + kSub * s;
      const float* ws = w + kSub * s;
      // The whole scales around the wanted one.
      const float wanted =
          ClampTo(scales[s] * Reciprocal(d), static_cast<float>(scale_levels.lowest),
                  static_cast<float>(scale_levels.highest));
      Lanes whole, scale, offset = {}, errors;
      for (int lane = 0; lane < kLanes; ++lane) {
        whole[lane] = ClampTo(RoundSmall(wanted) + static_cast<float>(lane - kLanes / 2),
                              static_cast<float>(scale_levels.lowest),
                              static_cast<float>(scale_levels.highest));
        scale[lane] = d * whole[lane];
      }
      LaneErrors(xs, ws, kSub, levels, scale, offset, &errors);
      const int lane = LeastLane(errors);
      fit.scales[s] = static_cast<int8_t>(whole[lane]);
      AssignLevels(xs, kSub, scale[lane], 0, levels, fit.q + kSub * s);
      for (int i = 0; i < kSub; ++i) {
        const float product = whole[lane] * static_cast<float>(fit.q[kSub * s + i]);
        sum_qq += ws[i] * product * product;
        sum_qx += ws[i] * product * xs[i];
      }
    }
    if (sum_qq > 0) d = sum_qx / sum_qq;
  }
  return fit;
}

SuperBlockFit FitAffineSuperBlock(const float* x, const float* w, int sub_block, int max_level,
                                  int max_scale) {
  const int n_subs = kSuperBlock / sub_block;
  const Levels levels = {0, max_level};
  const float top = static_cast<float>(max_scale);
  float scales[16], mins[16], largest_scale = 0, largest_min = 0;
  for (int s = 0; s < n_subs; ++s) {
    const AffineFit sub = FitAffine(x + sub_block * s, w + sub_block * s, sub_block, levels,
                                    /*offset_below_zero=*/true);
    scales[s] = sub.scale;
    mins[s] = -sub.offset;
    largest_scale = std::max(largest_scale, scales[s]);
    largest_min = std::max(largest_min, mins[s]);
  }
  SuperBlockFit fit;
  float d = largest_scale / top, dmin = largest_min / top;
  constexpr int kRounds = 2;
  for (int round = 0; round < kRounds; ++round) {
    fit.d = FloatToFiniteHalf(d);
    fit.dmin = FloatToFiniteHalf(dmin);
    d = HalfToFloat(fit.d);
    dmin = HalfToFloat(fit.dmin);
    // Normal equations of x ~ d a - dmin b with a = scale q, b = min.
    double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;
    for (int s = 0; s < n_subs; ++s) {
      const float* xs = x + sub_block * s;
      const float* ws = w + sub_block * s;
      const float wanted_scale = RoundSmall(ClampTo(scales[s] * Reciprocal(d), 0, top));
      const float wanted_min = RoundSmall(ClampTo(mins[s] * Reciprocal(dmin), 0, top));
      Lanes whole_scale, whole_min, scale, offset, errors;
      for (int lane = 0; lane < kLanes; ++lane) {
        whole_scale[lane] = ClampTo(wanted_scale + static_cast<float>(lane % 4 - 1), 0, top);
        whole_min[lane] = ClampTo(wanted_min + static_cast<float>(lane / 4 - 1), 0, top);
        scale[lane] = d * whole_scale[lane];
        offset[lane] = -dmin * whole_min[lane];
      }
      LaneErrors(xs, ws, sub_block, levels, scale, offset, &errors);
      const int lane = LeastLane(errors);
      fit.scales[s] = static_cast<int8_t>(whole_scale[lane]);
      fit.mins[s] = static_cast<int8_t>(whole_min[lane]);
      int8_t* q = fit.q + sub_block * s;
      AssignLevels(xs, sub_block, scale[lane], offset[lane], levels, q);
      for (int i = 0; i < sub_block; ++i) {
        const float a = whole_scale[lane] * static_cast<float>(q[i]), b = whole_min[lane];
        aa += ws[i] * a * a;
        ab += ws[i] * a * b;
        bb += ws[i] * b * b;
        ax += ws[i] * a * xs[i];
        bx += ws[i] * b * xs[i];
      }
    }
    const double determinant = aa * bb - ab * ab;
    if (determinant > 1e-9 * aa * bb) {
      d = static_cast<float>((bb * ax - ab * bx) / determinant);
      dmin = static_cast<float>((ab * ax - aa * bx) / determinant);
    } else if (aa > 0) {
      d = static_cast<float>(ax / aa);
    }
  }
  return fit;
}

}  // namespace autoglm

#include "quant/encoder_loops.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/float16.h"
#include "quant/block_codec.h"

namespace autoglm {

namespace {

// The loop over lanes is always the inner one, so that it vectorizes without reordering a sum.

float Load(const float* x, int n, float* out) {
  SearchLanes largest = {};
  for (int i = 0; i < n; i += kSearchLanes) {
    for (int lane = 0; lane < kSearchLanes; ++lane) {
      const float v = x[i + lane];
      const float finite = ClampTo(v == v ? v : 0.0f, -kMaxMagnitude, kMaxMagnitude);
      const float magnitude = std::fabs(finite);
      out[i + lane] = finite;
      largest[lane] = magnitude > largest[lane] ? magnitude : largest[lane];
    }
  }
  return *std::max_element(largest, largest + kSearchLanes);
}

// What least squares needs to know of each lane: sums of w q, w q q and w q x.
struct LaneSums {
  SearchLanes q, qq, qx;
};

void SumLanes(const float* x, const float* w, int n, Levels levels, const SearchLanes& inverse,
              const SearchLanes& offset, LaneSums* sums) {
  const float low = static_cast<float>(levels.lowest), high = static_cast<float>(levels.highest);
  SearchLanes sum_q = {}, sum_qq = {}, sum_qx = {};
  for (int i = 0; i < n; ++i) {
    const float xi = x[i], wi = w[i];
    for (int lane = 0; lane < kSearchLanes; ++lane) {
      const float q = RoundSmall(ClampTo((xi - offset[lane]) * inverse[lane], low, high));
      const float wq = wi * q;
      sum_q[lane] += wq;
      sum_qq[lane] += wq * q;
      sum_qx[lane] += wq * xi;
    }
  }
  std::copy(sum_q, sum_q + kSearchLanes, sums->q);
  std::copy(sum_qq, sum_qq + kSearchLanes, sums->qq);
  std::copy(sum_qx, sum_qx + kSearchLanes, sums->qx);
}

void ScaleRound(const float* x, const float* w, int n, Levels levels, SearchLanes* inverse,
                BestFit* best) {
  LaneSums sums;
  SumLanes(x, w, n, levels, *inverse, {}, &sums);
  for (int lane = 0; lane < kSearchLanes; ++lane) {
    // With scale = qx / qq the error is sum w x x - qx qx / qq. Without levels, 0 / 1.
    const float qq = sums.qq[lane], qx = sums.qx[lane];
    const float scale = qx / (qq > 0 ? qq : 1.0f);
    const float gain = scale * qx;
    if (gain > best->gain) *best = {gain, {scale, 0}};
    (*inverse)[lane] = Reciprocal(scale);
  }
}

// The scale and the offset of least error for given levels.
AffineFit SolveAffine(float sum_w, float sum_x, float q, float qq, float qx, float max_offset) {
  const float determinant = sum_w * qq - q * q;
  AffineFit fit;
  if (determinant > 1e-6f * sum_w * qq) {
    fit.scale = (sum_w * qx - q * sum_x) / determinant;
    fit.offset = (qq * sum_x - q * qx) / determinant;
    if (!(fit.offset > max_offset)) return fit;
    fit.offset = max_offset;
  }
  // The offset is given (0 where all levels are one, which leaves it open); the scale remains.
  fit.scale = (qx - fit.offset * q) / (qq > 0 ? qq : 1.0f);
  return fit;
}

void AffineRound(const AffineProblem& problem, SearchLanes* inverse, SearchLanes* offset,
                 BestFit* best) {
  const float sum_w = problem.sum_w, sum_x = problem.sum_x;
  LaneSums sums;
  SumLanes(problem.x, problem.w, problem.n, problem.levels, *inverse, *offset, &sums);
  for (int lane = 0; lane < kSearchLanes; ++lane) {
    const float q = sums.q[lane], qq = sums.qq[lane], qx = sums.qx[lane];
    const auto [scale, at] = SolveAffine(sum_w, sum_x, q, qq, qx, problem.max_offset);
    if (!(scale > 0)) continue;
    // The error is sum w x x - gain.
    const float gain = at * (2 * sum_x - at * sum_w) + scale * (2 * (qx - at * q) - scale * qq);
    if (gain > best->gain) *best = {gain, {scale, at}};
    (*inverse)[lane] = 1.0f / scale;
    (*offset)[lane] = at;
  }
}

void LaneErrors(const float* x, const float* w, int n, Levels levels, const SearchLanes& scale,
                const SearchLanes& offset, SearchLanes* errors) {
  const float low = static_cast<float>(levels.lowest), high = static_cast<float>(levels.highest);
  SearchLanes inverse, sum = {};
  for (int lane = 0; lane < kSearchLanes; ++lane) inverse[lane] = Reciprocal(scale[lane]);
  for (int i = 0; i < n; ++i) {
    const float xi = x[i], wi = w[i];
    for (int lane = 0; lane < kSearchLanes; ++lane) {
      const float shifted = xi - offset[lane];
      const float q = RoundSmall(ClampTo(shifted * inverse[lane], low, high));
      const float error = shifted - scale[lane] * q;
      sum[lane] += wi * error * error;
    }
  }
  std::copy(sum, sum + kSearchLanes, *errors);
}

void AssignLevels(const float* x, int n, float scale, float offset, Levels levels, int8_t* q) {
  const float low = static_cast<float>(levels.lowest), high = static_cast<float>(levels.highest);
  const float inverse = Reciprocal(scale);
  for (int i = 0; i < n; ++i) {
    const float level = RoundSmall(ClampTo((x[i] - offset) * inverse, low, high));
    q[i] = static_cast<int8_t>(static_cast<int>(level));
  }
}

void ToHalves(const float* x, int64_t n, std::byte* out) {
  for (int64_t i = 0; i < n; ++i) {
    const uint16_t half = std::isfinite(x[i]) ? FloatToFiniteHalf(x[i]) : FloatToHalf(x[i]);
    std::memcpy(out + 2 * i, &half, sizeof(half));
  }
}

}  // namespace

const EncoderLoops kScalarEncoderLoops = {Load,       ScaleRound,   AffineRound,
                                          LaneErrors, AssignLevels, ToHalves};

}  // namespace autoglm

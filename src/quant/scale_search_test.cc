#include "quant/scale_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/rng.h"

namespace autoglm {
namespace {

double Error(const std::vector<float>& x, const std::vector<float>& w, float scale, float offset,
             Levels levels) {
  std::vector<int8_t> q(x.size());
  kScalarEncoderLoops.assign_levels(x.data(), static_cast<int>(x.size()), scale, offset, levels,
                                    q.data());
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double error = x[i] - (double{scale} * q[i] + offset);
    sum += w[i] * error * error;
  }
  return sum;
}

std::vector<float> Gaussian(size_t n, Rng* rng) {
  std::vector<float> x(n);
  for (float& v : x) v = static_cast<float>(rng->NextGaussian());
  return x;
}

TEST(ScaleSearch, AssignLevelsRoundsAndClamps) {
  const float x[16] = {0.0f, 0.6f, -0.6f, 100.0f, -100.0f, 1.4f};
  const auto assign = kScalarEncoderLoops.assign_levels;
  int8_t q[16];
  assign(x, 16, 1.0f, 0.0f, {-4, 3}, q);
  EXPECT_EQ(std::vector<int8_t>(q, q + 6), (std::vector<int8_t>{0, 1, -1, 3, -4, 1}));
  assign(x, 16, -0.5f, 0.4f, {-4, 3}, q);
  EXPECT_EQ(std::vector<int8_t>(q, q + 6), (std::vector<int8_t>{1, 0, 2, -4, 3, -2}));
  assign(x, 16, 0.0f, 0.0f, {-4, 3}, q);
  EXPECT_EQ(std::vector<int8_t>(q, q + 6), std::vector<int8_t>(6, 0));
}

TEST(ScaleSearch, FindsTheScaleOfValuesThatHaveOne) {
  for (Levels levels : {Levels{-4, 3}, Levels{-8, 7}, Levels{-16, 15}, Levels{-32, 31}}) {
    for (float scale : {0.37f, -0.37f}) {  // -4 stands on either side
      std::vector<float> x, w(16, 1.0f);
      for (int i = 0; i < 16; ++i) {
        x.push_back(scale * static_cast<float>(levels.lowest + i * (levels.highest * 2 + 1) / 15));
      }
      EXPECT_NEAR(FitScale(kScalarEncoderLoops, x.data(), w.data(), 16, levels), scale, 1e-6f);
    }
  }
}

TEST(ScaleSearch, FindsScaleAndOffsetOfValuesThatHaveThem) {
  std::vector<float> x, w(32, 1.0f);
  for (int i = 0; i < 32; ++i) x.push_back(0.25f * static_cast<float>(i % 16) - 1.3f);
  const AffineFit fit =
      FitAffine(kScalarEncoderLoops, x.data(), w.data(), 32, {0, 15}, /*offset_below_zero=*/true);
  EXPECT_NEAR(fit.scale, 0.25f, 1e-6f);
  EXPECT_NEAR(fit.offset, -1.3f, 1e-6f);
  for (float& v : x) v += 11.3f;
  const AffineFit above =
      FitAffine(kScalarEncoderLoops, x.data(), w.data(), 32, {0, 15}, /*offset_below_zero=*/false);
  EXPECT_NEAR(above.scale, 0.25f, 1e-5f);
  EXPECT_NEAR(above.offset, 10.0f, 1e-5f);
}

TEST(ScaleSearch, KeepsTheOffsetAtOrBelowZeroWhereAsked) {
  Rng rng(1);
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<float> x = Gaussian(32, &rng), w(32, 1.0f);
    for (float& v : x) v += 1.5f;
    EXPECT_LE(FitAffine(kScalarEncoderLoops, x.data(), w.data(), 32, {0, 15}, true).offset, 0.0f);
  }
}

// A thousand scales of either sign leave little to find: the search stays within 2 % of the root
// mean square error that they reach.
TEST(ScaleSearch, ComesCloseToAnExhaustiveSearchOfScales) {
  for (Levels levels : {Levels{-4, 3}, Levels{-8, 7}, Levels{-32, 31}}) {
    Rng rng(2);
    double found = 0, best = 0;
    for (int trial = 0; trial < 40; ++trial) {
      const std::vector<float> x = Gaussian(16, &rng);
      std::vector<float> w = Gaussian(16, &rng);
      for (float& v : w) v = std::exp(v);
      float largest = 0;
      for (float v : x) largest = std::max(largest, std::fabs(v));
      double least = 1e30;
      for (int i = 1; i <= 1000; ++i) {
        const float scale = 3 * largest / static_cast<float>(-levels.lowest) * i / 1000;
        least = std::min({least, Error(x, w, scale, 0, levels), Error(x, w, -scale, 0, levels)});
      }
      best += least;
      found +=
          Error(x, w, FitScale(kScalarEncoderLoops, x.data(), w.data(), 16, levels), 0, levels);
    }
    EXPECT_LE(std::sqrt(found), std::sqrt(best) * 1.02) << levels.lowest;
  }
}

TEST(ScaleSearch, ComesCloseToAnExhaustiveSearchOfScalesAndOffsets) {
  for (int highest : {3, 15}) {
    Rng rng(3);
    double found = 0, best = 0;
    for (int trial = 0; trial < 10; ++trial) {
      const std::vector<float> x = Gaussian(16, &rng), w(16, 1.0f);
      const auto [low, high] = std::minmax_element(x.begin(), x.end());
      double least = 1e30;
      const float range = *high - *low;
      for (int i = 0; i < 60; ++i) {
        for (int j = 0; j < 60; ++j) {
          const float bottom = *low + range * 0.3f * (i - 5) / 55;
          const float top = *high - range * 0.3f * (j - 5) / 55;
          const float scale = (top - bottom) / static_cast<float>(highest);
          least = std::min(least, Error(x, w, scale, bottom, {0, highest}));
        }
      }
      best += least;
      const AffineFit fit =
          FitAffine(kScalarEncoderLoops, x.data(), w.data(), 16, {0, highest}, false);
      found += Error(x, w, fit.scale, fit.offset, {0, highest});
    }
    EXPECT_LE(std::sqrt(found), std::sqrt(best) * 1.02) << highest;
  }
}

}  // namespace
}  // namespace autoglm

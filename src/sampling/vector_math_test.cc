#include "sampling/vector_math.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

namespace autoglm {
namespace {

TEST(VectorMath, ExpIsWithinThreeInTenMillionOfTheTruth) {
  double worst = 0;
  for (double x = -86.9; x <= 0; x += 0.0007) {
    const float in = static_cast<float>(x);
    float out;
    ExpBelowMax({&in, 1}, 0, &out);
    const double truth = std::exp(static_cast<double>(in));
    worst = std::max(worst, std::abs(out - truth) / truth);
  }
  EXPECT_LT(worst, 3e-7);
}

TEST(VectorMath, ExpIsExactAtItsEnds) {
  const std::vector<float> x = {5.0f, 5.0f - 88.0f, -INFINITY, -3.4e38f};
  std::vector<float> out(x.size());
  ExpBelowMax(x, 5.0f, out.data());
  EXPECT_EQ(out, (std::vector<float>{1, 0, 0, 0}));
}

// The checksum was recorded once; a platform that fuses or reorders would miss it.
TEST(VectorMath, ResultsAreTheSameBitsOnEveryPlatform) {
  std::vector<float> x(10000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = -static_cast<float>(i * i % 8999) * 0.01f;
  ExpBelowMax(x, 0, x.data());
  uint64_t hash = std::bit_cast<uint64_t>(SumOf(x));
  for (const float value : x) hash = hash * 31 + std::bit_cast<uint32_t>(value);
  EXPECT_EQ(hash, 12827022678582503050u);
}

TEST(VectorMath, MaxIsFoundAtEveryPosition) {
  for (size_t n = 1; n < 70; ++n) {
    for (size_t at = 0; at < n; ++at) {
      std::vector<float> x(n, -7.0f);
      x[at] = -2.0f;
      const MaxResult max = MaxOf(x);
      EXPECT_EQ(max.value, -2.0f) << n << " " << at;
      EXPECT_FALSE(max.has_nan);
      x[at] = NAN;
      EXPECT_TRUE(MaxOf(x).has_nan) << n << " " << at;
    }
  }
  EXPECT_EQ(MaxOf({}).value, -INFINITY);
}

TEST(VectorMath, MaxOfALongRowPassesNaNsOver) {
  for (size_t n : {511, 512, 513, 1024, 1300}) {
    for (size_t at = 0; at < n; at += 7) {
      std::vector<float> x(n, -7.0f);
      x[at] = -2.0f;
      EXPECT_EQ(MaxOf(x).value, -2.0f) << n << " " << at;
      x[(at + 256) % n] = NAN;
      const MaxResult max = MaxOf(x);
      EXPECT_EQ(max.value, -2.0f) << n << " " << at;
      EXPECT_TRUE(max.has_nan) << n << " " << at;
    }
  }
}

TEST(VectorMath, SumCountsEveryElementOnce) {
  for (size_t n = 0; n < 70; ++n) {
    std::vector<float> x(n);
    for (size_t i = 0; i < n; ++i) x[i] = static_cast<float>(i + 1);
    EXPECT_EQ(SumOf(x), static_cast<double>(n * (n + 1)) / 2);
  }
}

}  // namespace
}  // namespace autoglm

#include "base/float16.h"

#include <gtest/gtest.h>

#include <cmath>

namespace autoglm {
namespace {

double HalfByDefinition(uint16_t h) {
  const int exponent = h >> 10 & 31, mantissa = h & 1023;
  const double sign = h >> 15 ? -1 : 1;
  if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(Half, EveryValueDecodesAndSurvivesARoundTrip) {
  for (int i = 0; i < 65536; ++i) {
    const uint16_t h = static_cast<uint16_t>(i);
    const double expected = HalfByDefinition(h);
    const float actual = HalfToFloat(h);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(actual));
      EXPECT_TRUE(std::isnan(HalfToFloat(FloatToHalf(actual))));
    } else {
      ASSERT_EQ(actual, expected) << i;
      ASSERT_EQ(FloatToHalf(actual), h) << i;
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  for (int i = 0; i < 0x7BFF; ++i) {  // between every two finite neighbours
    const float low = HalfToFloat(static_cast<uint16_t>(i));
    const float high = HalfToFloat(static_cast<uint16_t>(i + 1));
    const float middle = low + (high - low) / 2;
    ASSERT_EQ(FloatToHalf(middle), i % 2 == 0 ? i : i + 1);
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, 1e9f)), i + 1);
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, 0.0f)), i);
  }
  EXPECT_EQ(FloatToHalf(65519.9f), 0x7BFF);
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7C00);
  EXPECT_EQ(FloatToHalf(-1e30f), 0xFC00);
}

TEST(BFloat, RoundsToNearestEvenAndKeepsNaN) {
  EXPECT_EQ(FloatToBFloat(1.0f), 0x3F80);
  EXPECT_EQ(FloatToBFloat(std::bit_cast<float>(0x3F808000u)), 0x3F80);
  EXPECT_EQ(FloatToBFloat(std::bit_cast<float>(0x3F818000u)), 0x3F82);
  EXPECT_TRUE(std::isnan(BFloatToFloat(FloatToBFloat(std::bit_cast<float>(0x7F800001u)))));
  EXPECT_EQ(BFloatToFloat(FloatToBFloat(INFINITY)), INFINITY);
}

}  // namespace
}  // namespace autoglm

// What holds for every format: bits that llama.cpp decoded, round trips, and inputs at the edges.
#include "quant/quant_format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "base/rng.h"
#include "quant/blocks.h"

namespace autoglm {
namespace {

constexpr DType kAll[] = {
#define AUTOGLM_DTYPE(Name, name, ggml_id, block_elements, block_bytes) DType::k##Name,
#include "tensor/dtypes.inc"
#undef AUTOGLM_DTYPE
};

class QuantFormatTest : public testing::TestWithParam<DType> {
 protected:
  const QuantFormat& format() const { return Format(GetParam()); }
  bool can_encode() const { return format().can_encode(); }

  std::vector<std::byte> Encode(const std::vector<float>& x,
                                const float* importance = nullptr) const {
    const int64_t n = static_cast<int64_t>(x.size());
    std::vector<std::byte> blocks(static_cast<size_t>(RowBytes(GetParam(), n)));
    format().encode(x.data(), importance, blocks.data(), n);
    return blocks;
  }
  std::vector<float> RoundTrip(const std::vector<float>& x,
                               const float* importance = nullptr) const {
    std::vector<float> y(x.size());
    format().decode(Encode(x, importance).data(), y.data(), static_cast<int64_t>(y.size()));
    return y;
  }
};

INSTANTIATE_TEST_SUITE_P(All, QuantFormatTest, testing::ValuesIn(kAll),
                         [](const auto& info) { return std::string(Name(info.param)); });

std::vector<float> Gaussian(size_t n, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> x(n);
  for (float& v : x) v = static_cast<float>(0.02 * rng.NextGaussian());
  return x;
}

// A few values dwarf the rest.
std::vector<float> HeavyTailed(size_t n, uint64_t seed) {
  std::vector<float> x = Gaussian(n, seed);
  for (float& v : x) v = 2500 * v * v * v;
  return x;
}

double WeightedError(const std::vector<float>& x, const std::vector<float>& y,
                     const std::vector<float>& w) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += double{w[i]} * (y[i] - x[i]) * (y[i] - x[i]);
  return sum;
}

TEST_P(QuantFormatTest, BelongsToItsTypeAndDecodes) {
  EXPECT_EQ(format().dtype, GetParam());
  EXPECT_NE(format().decode, nullptr);
}

TEST_P(QuantFormatTest, DecodesRandomBitsExactlyAsLlamaCpp) {
  if (GetParam() == DType::kF32) GTEST_SKIP() << "copied";
  const std::string path = std::string(AUTOGLM_SOURCE_DIR) + "/tests/data/quant/" +
                           std::string(Name(GetParam())) + ".bin";
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> data{std::istreambuf_iterator<char>(file), {}};
  const size_t n_bytes = static_cast<size_t>(RowBytes(GetParam(), 256));
  ASSERT_EQ(data.size(), n_bytes + 256 * sizeof(float)) << path;
  // Also from an odd address: blocks lie anywhere in a file.
  std::vector<std::byte> shifted(n_bytes + 1);
  std::memcpy(shifted.data() + 1, data.data(), n_bytes);
  float actual[256], expected[256];
  format().decode(shifted.data() + 1, actual, 256);
  std::memcpy(expected, data.data() + n_bytes, sizeof(expected));
  for (int i = 0; i < 256; ++i) ASSERT_EQ(actual[i], expected[i]) << i;
}

// The root mean square of the error is held against that of a plain rounding onto the range of each
// (sub-)block: step / sqrt(12), where step is range / (levels - 1), or largest / lowest level for
// signed levels. The search must beat it although it has to round its scales as well.
double PlainRoundingError(DType dtype, const std::vector<float>& x) {
  struct Plain {
    DType dtype;
    int n;
    double steps;  // in the range, or from zero to the largest if `is_signed`
    bool is_signed;
  };
  constexpr Plain kPlain[] = {{DType::kQ8_0, 32, 127, true}, {DType::kQ4_0, 32, 8, true},
                              {DType::kQ4_1, 32, 15, false}, {DType::kQ5_0, 32, 16, true},
                              {DType::kQ5_1, 32, 31, false}, {DType::kQ2_K, 16, 3, false},
                              {DType::kQ3_K, 16, 4, true},   {DType::kQ4_K, 32, 15, false},
                              {DType::kQ5_K, 32, 31, false}, {DType::kQ6_K, 16, 32, true}};
  for (const Plain& plain : kPlain) {
    if (plain.dtype != dtype) continue;
    double sum = 0;
    for (size_t i = 0; i < x.size(); i += static_cast<size_t>(plain.n)) {
      const auto [low, high] = std::minmax_element(&x[i], &x[i] + plain.n);
      const double range = plain.is_signed ? std::max(-*low, *high) : *high - *low;
      sum += plain.n * range * range / (plain.steps * plain.steps * 12);
    }
    return sum;
  }
  double squares = 0;
  for (float v : x) squares += double{v} * v;
  // Floating point: half a unit in the last place is the most. MXFP4 has one bit of mantissa: its
  // relative error is spread evenly up to a fifth, 0.115 at the root mean square.
  const double relative = dtype == DType::kMXFP4  ? 0.12
                          : dtype == DType::kBF16 ? 0x1.0p-9
                          : dtype == DType::kF16  ? 0x1.0p-11
                                                  : 0;
  return squares * relative * relative;
}

TEST_P(QuantFormatTest, RoundTripErrorStaysBelowThatOfPlainRounding) {
  if (!can_encode()) GTEST_SKIP() << "not encoded";
  const std::vector<float> x = Gaussian(256 * 32, 1);
  const double error = WeightedError(x, RoundTrip(x), std::vector<float>(x.size(), 1));
  // 2 %: how far a sum of 8192 squared errors strays from what it is on average.
  EXPECT_LE(error, PlainRoundingError(GetParam(), x) * 1.02);
}

TEST_P(QuantFormatTest, ImportanceLowersTheWeightedError) {
  const bool searches = !IsFloat(GetParam()) && GetParam() != DType::kQ8_0;
  if (!can_encode() || !searches) GTEST_SKIP() << "weights nothing";
  for (const auto& x : {Gaussian(256 * 16, 2), HeavyTailed(256 * 16, 3)}) {
    std::vector<float> w = Gaussian(x.size(), 4);
    for (float& v : w) v = std::exp(75 * v);
    EXPECT_LT(WeightedError(x, RoundTrip(x, w.data()), w), WeightedError(x, RoundTrip(x), w));
  }
}

TEST_P(QuantFormatTest, UselessImportanceCountsAsNone) {
  if (!can_encode()) GTEST_SKIP() << "not encoded";
  const std::vector<float> x = HeavyTailed(512, 5);
  for (float useless : {0.0f, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    const std::vector<float> w(x.size(), useless);
    EXPECT_EQ(Encode(x, w.data()), Encode(x)) << useless;
  }
}

TEST_P(QuantFormatTest, ZerosDecodeToZeros) {
  if (!can_encode()) GTEST_SKIP() << "not encoded";
  for (float v : RoundTrip(std::vector<float>(512, 0.0f))) ASSERT_EQ(v, 0.0f);
}

TEST_P(QuantFormatTest, OneValueThroughoutIsKeptToTheScalesPrecision) {
  if (!can_encode()) GTEST_SKIP() << "not encoded";
  // 1.5 * 2^n, which MXFP4 has too, and not so small that the scales of Q6_K become subnormal.
  for (float value : {0.75f, -0.75f, 24.0f, -192.0f}) {
    for (float v : RoundTrip(std::vector<float>(512, value))) {
      // A binary16 scale is off by at most one part in 2^11; float32 adds next to nothing.
      ASSERT_NEAR(v, value, std::fabs(value) * 0x1.01p-11f);
    }
  }
}

TEST_P(QuantFormatTest, LargeOffsetsDoNotDrownSmallDifferences) {
  const DType dtype = GetParam();
  if (dtype != DType::kQ4_1 && dtype != DType::kQ5_1) GTEST_SKIP() << "has no free offset";
  std::vector<float> x = Gaussian(512, 6);
  for (float& v : x) v = 64 + v;
  // The binary16 offset is off by at most 2^-6; the differences survive beside it.
  const double step = 0.12 / 15;
  for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(RoundTrip(x)[i], x[i], 0x1.0p-6 + step);
}

TEST_P(QuantFormatTest, AnyInputGivesFiniteBlocks) {
  if (!can_encode() || IsFloat(GetParam())) GTEST_SKIP() << "floats keep infinities and NaNs";
  const float inf = std::numeric_limits<float>::infinity();
  const float extremes[] = {3e38f,  -3e38f, inf,    -inf,  std::nanf(""), 1e-45f, -1e-40f,
                            1e-20f, 1e-8f,  -6e-8f, 65504, -65520,        1e6f,   -1e10f};
  std::vector<float> x;
  for (float extreme : extremes) {
    for (const float rest : {0.0f, 1.0f, extreme}) {
      std::vector<float> block(256, rest);
      for (size_t i = 0; i < block.size(); i += 7) block[i] = extreme;
      x.insert(x.end(), block.begin(), block.end());
    }
  }
  for (float v : RoundTrip(x)) ASSERT_TRUE(std::isfinite(v));
}

TEST_P(QuantFormatTest, ValuesBeyondTheRangeSaturate) {
  if (!can_encode() || GetParam() == DType::kF32) GTEST_SKIP() << "has no narrower range";
  const std::vector<float> huge(256, 3.4e38f);
  for (float v : RoundTrip(huge)) ASSERT_GE(v, 65000.0f);
  for (float v : RoundTrip(huge)) ASSERT_TRUE(std::isfinite(v));
}

TEST_P(QuantFormatTest, BlocksDoNotDependOnTheirNeighbours) {
  if (!can_encode()) GTEST_SKIP() << "not encoded";
  const std::vector<float> x = HeavyTailed(256 * 8, 7);
  const std::vector<std::byte> together = Encode(x);
  EXPECT_EQ(Encode(x), together);
  std::vector<std::byte> apart;
  for (size_t i = 0; i < x.size(); i += 256) {
    const std::vector<float> part(x.begin() + static_cast<long>(i),
                                  x.begin() + static_cast<long>(i) + 256);
    const std::vector<std::byte> blocks = Encode(part);
    apart.insert(apart.end(), blocks.begin(), blocks.end());
  }
  EXPECT_EQ(apart, together);
}

TEST(QuantFormat, FloatTypesKeepNaNsAndInfinities) {
  const float inf = std::numeric_limits<float>::infinity();
  const float x[4] = {inf, -inf, std::nanf(""), 1.0f};
  for (DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    std::byte blocks[16];
    float y[4];
    Format(dtype).encode(x, nullptr, blocks, 4);
    Format(dtype).decode(blocks, y, 4);
    EXPECT_EQ(y[0], inf);
    EXPECT_EQ(y[1], -inf);
    EXPECT_TRUE(std::isnan(y[2]));
    EXPECT_EQ(y[3], 1.0f);
  }
}

}  // namespace
}  // namespace autoglm

// The encoders' loops of every runnable table: the blocks must be those of the scalar loops, to the
// bit, for any input.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "base/rng.h"
#include "kernels/kernels.h"
#include "quant/quant_format.h"

namespace autoglm {
namespace {

constexpr int kBlocks = 6;
constexpr int64_t kElements = kBlocks * 256;

float FromBits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

struct Input {
  const char* name;
  float (*value)(Rng* rng, int64_t i);
};

float Gaussian(Rng* rng) { return static_cast<float>(rng->NextGaussian()); }

const Input kInputs[] = {
    {"Gaussian", [](Rng* rng, int64_t) { return Gaussian(rng); }},
    {"positive", [](Rng* rng, int64_t) { return 3 + Gaussian(rng); }},
    {"many halves of a step",
     [](Rng* rng, int64_t) { return 0.5f * std::nearbyint(10 * Gaussian(rng)); }},
    {"a magnitude for each block",
     [](Rng* rng, int64_t i) {
       return Gaussian(rng) * std::exp2(float(i / 256 * 47 % 260 - 140));
     }},
    {"few outliers",
     [](Rng* rng, int64_t i) { return Gaussian(rng) * (i % 97 == 0 ? 1000.0f : 1.0f); }},
    {"zero but for one", [](Rng* rng, int64_t i) { return i % 256 == 77 ? Gaussian(rng) : -0.0f; }},
    {"NaN and infinities among numbers",
     [](Rng* rng, int64_t i) {
       constexpr float kOdd[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e-41f};
       return i % 11 == 0 ? kOdd[i / 11 % 5] : Gaussian(rng);
     }},
    {"any bits",
     [](Rng* rng, int64_t) { return FromBits(static_cast<uint32_t>(rng->NextU64() >> 32)); }},
};

// One of the odd weights that a measured importance may have.
float Importance(Rng* rng, int64_t i) {
  const float x = Gaussian(rng);
  return i % 5 == 0 ? 0.0f : i % 31 == 0 ? 1e6f : x * x;
}

class EncoderLoopsTest : public testing::TestWithParam<std::tuple<size_t, DType>> {
 protected:
  const KernelTable& table() const { return RunnableKernels()[std::get<0>(GetParam())]; }
  const QuantFormat& format() const { return Format(std::get<1>(GetParam())); }
  std::vector<std::byte> Encoded(const std::vector<float>& x, const float* importance,
                                 const EncoderLoops& loops) const {
    std::vector<std::byte> blocks(RowBytes(format().dtype, kElements));
    format().encode(x.data(), importance, blocks.data(), kElements, loops);
    return blocks;
  }
};

TEST_P(EncoderLoopsTest, GiveTheBlocksOfTheScalarOnes) {
  if (!format().can_encode()) GTEST_SKIP() << "not encoded";
  Rng rng(1);
  std::vector<float> importance(kElements);
  for (int64_t i = 0; i < kElements; ++i) importance[i] = Importance(&rng, i);
  for (const Input& input : kInputs) {
    std::vector<float> x(kElements);
    for (int64_t i = 0; i < kElements; ++i) x[i] = input.value(&rng, i);
    // Which NaN a NaN becomes is left open.
    if (format().dtype == DType::kF16) {
      for (float& v : x) v = v == v ? v : 0.0f;
    }
    const float* const kinds[] = {nullptr, importance.data()};
    for (const float* weights : kinds) {
      EXPECT_EQ(Encoded(x, weights, table().encoder_loops),
                Encoded(x, weights, kScalarEncoderLoops))
          << input.name << (weights == nullptr ? "" : ", with importance");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, EncoderLoopsTest,
                         testing::Combine(testing::Range(size_t{0}, RunnableKernels().size()),
                                          testing::ValuesIn([] {
                                            std::vector<DType> all;
                                            for (int i = 0; i < kNumDTypes; ++i) {
                                              all.push_back(DType(i));
                                            }
                                            return all;
                                          }())),
                         [](const auto& info) {
                           return std::string(RunnableKernels()[std::get<0>(info.param)].isa) +
                                  "_" + std::string(Name(std::get<1>(info.param)));
                         });

class ToHalvesTest : public testing::TestWithParam<size_t> {
 protected:
  const KernelTable& table() const { return RunnableKernels()[GetParam()]; }
};

// Every binary16 and what lies between it and the next one: just below, at and above the middle.
TEST_P(ToHalvesTest, RoundsLikeTheScalarOneAroundEveryHalf) {
  std::vector<float> x, decoded(1 << 16);
  std::vector<uint16_t> every(1 << 16);
  for (size_t i = 0; i < every.size(); ++i) every[i] = static_cast<uint16_t>(i);
  Format(DType::kF16)
      .decode(reinterpret_cast<const std::byte*>(every.data()), decoded.data(), 1 << 16);
  for (size_t i = 0; i + 1 < decoded.size(); ++i) {
    const float middle = 0.5f * decoded[i] + 0.5f * decoded[i + 1];
    for (const float v : {decoded[i], std::nextafter(middle, -INFINITY), middle,
                          std::nextafter(middle, INFINITY)}) {
      if (v == v) x.push_back(v);
    }
  }
  const int64_t n = static_cast<int64_t>(x.size());
  std::vector<std::byte> fast(2 * n), scalar(2 * n);
  table().encoder_loops.to_halves(x.data(), n, fast.data());
  kScalarEncoderLoops.to_halves(x.data(), n, scalar.data());
  EXPECT_EQ(fast, scalar);
}

TEST_P(ToHalvesTest, WritesAnyNumberOfThemAndNothingBehind) {
  const std::vector<float> x(70, 1.5f);
  for (int64_t n = 0; n <= 70; ++n) {
    std::vector<uint16_t> halves(71, 0x1234);
    table().encoder_loops.to_halves(x.data(), n, reinterpret_cast<std::byte*>(halves.data()));
    for (int64_t i = 0; i < 71; ++i) ASSERT_EQ(halves[i], i < n ? 0x3E00 : 0x1234) << n;
  }
}

TEST_P(ToHalvesTest, KeepsInfinitiesAndNaNsAndMakesTooLargeNumbersTheLargest) {
  const std::vector<float> x = {INFINITY, -INFINITY, NAN, 65520.0f, -1e30f, 65504.0f};
  std::vector<uint16_t> halves(x.size());
  table().encoder_loops.to_halves(x.data(), static_cast<int64_t>(x.size()),
                                  reinterpret_cast<std::byte*>(halves.data()));
  EXPECT_EQ(halves[0], 0x7C00);
  EXPECT_EQ(halves[1], 0xFC00);
  EXPECT_GT(halves[2] & 0x7FFF, 0x7C00);
  EXPECT_EQ(halves[3], 0x7BFF);
  EXPECT_EQ(halves[4], 0xFBFF);
  EXPECT_EQ(halves[5], 0x7BFF);
}

INSTANTIATE_TEST_SUITE_P(Tables, ToHalvesTest, testing::Range(size_t{0}, RunnableKernels().size()),
                         [](const auto& info) { return RunnableKernels()[info.param].isa; });

}  // namespace
}  // namespace autoglm

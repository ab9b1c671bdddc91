#include "compress/gptq.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/rng.h"
#include "quant/quant_format.h"

namespace autoglm {
namespace {

constexpr DType kGridTypes[] = {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
                                DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

std::vector<float> Gaussian(size_t n, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(n);
  for (float& v : values) v = static_cast<float>(rng.NextGaussian());
  return values;
}

// H of tokens whose columns depend on each other: each is half the one before it plus noise.
Hessian CorrelatedHessian(int64_t cols, int n_tokens) {
  Hessian hessian;
  hessian.cols = cols;
  hessian.n_tokens = n_tokens;
  hessian.sums = Buffer::Allocate(static_cast<size_t>(cols * cols) * sizeof(float), "test").value();
  float* sums = reinterpret_cast<float*>(hessian.sums.data());
  for (int t = 0; t < n_tokens; ++t) {
    std::vector<float> x = Gaussian(static_cast<size_t>(cols), 100 + static_cast<uint64_t>(t));
    for (size_t c = 1; c < x.size(); ++c) x[c] += 0.9f * x[c - 1];
    for (int64_t i = 0; i < cols; ++i) {
      for (int64_t j = 0; j < cols; ++j) {
        sums[i * cols + j] += x[static_cast<size_t>(i)] * x[static_cast<size_t>(j)];
      }
    }
  }
  return hessian;
}

// tr(E H E^T) for E = x - decoded.
double OutputError(const Hessian& h, DType dtype, const std::vector<float>& x,
                   const std::vector<std::byte>& blocks) {
  std::vector<float> error(x.size());
  Format(dtype).decode(blocks.data(), error.data(), static_cast<int64_t>(x.size()));
  for (size_t i = 0; i < x.size(); ++i) error[i] = x[i] - error[i];
  double total = 0;
  for (size_t row = 0; row < x.size() / static_cast<size_t>(h.cols); ++row) {
    const float* e = error.data() + row * static_cast<size_t>(h.cols);
    for (int64_t i = 0; i < h.cols; ++i) {
      for (int64_t j = 0; j < h.cols; ++j) total += double{e[i]} * h.row(i)[j] * e[j];
    }
  }
  return total;
}

TEST(GptqTest, TheFactorIsASquareRootOfTheDampedHessian) {
  constexpr int64_t n = 160;  // more than one panel, and no multiple of it
  const Hessian hessian = CorrelatedHessian(n, 200);
  ThreadPool threads(2);
  const auto factor = FactorHessian(hessian, 32, {.damping = 0.01}, threads);
  ASSERT_TRUE(factor.ok()) << factor.status().ToString();
  double mean = 0;
  for (int64_t i = 0; i < n; ++i) mean += hessian.row(i)[i] / static_cast<double>(n);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < n; ++k) sum += double{factor->row(i)[k]} * factor->row(j)[k];
      const int32_t a = factor->order[static_cast<size_t>(i)];
      const int32_t b = factor->order[static_cast<size_t>(j)];
      const double expected = double{hessian.row(a)[b]} + (i == j ? 0.01 * mean : 0);
      // R is kept in float32.
      ASSERT_NEAR(sum, expected, 1e-5 * mean) << i << ", " << j;
      if (j < i) {
        ASSERT_EQ(factor->row(i)[j], 0);
      }
    }
  }
}

TEST(GptqTest, CorrectionLowersTheOutputErrorOfEveryType) {
  constexpr int64_t cols = 512, rows = 24;
  const Hessian hessian = CorrelatedHessian(cols, 1024);
  const std::vector<float> x = Gaussian(rows * cols, 3);
  for (const DType dtype : kGridTypes) {
    SCOPED_TRACE(Name(dtype));
    std::vector<std::byte> nearest(static_cast<size_t>(rows * RowBytes(dtype, cols)));
    Format(dtype).encode(x.data(), nullptr, nearest.data(), rows * cols);
    std::vector<std::byte> corrected[2] = {nearest, nearest};
    for (const int n_threads : {1, 3}) {
      ThreadPool threads(n_threads);
      const auto factor = FactorHessian(hessian, Info(dtype).block_elements, {}, threads);
      ASSERT_TRUE(factor.ok()) << factor.status().ToString();
      ASSERT_TRUE(GptqEncode(dtype, *factor, x.data(), rows, nullptr,
                             corrected[n_threads > 1].data(), threads)
                      .ok());
    }
    EXPECT_EQ(corrected[0], corrected[1]) << "depends on the number of threads";
    // Neighbours correlate by 0.9, which leaves much that one can do for the other.
    EXPECT_LT(OutputError(hessian, dtype, x, corrected[0]),
              0.5 * OutputError(hessian, dtype, x, nearest));
  }
}

TEST(GptqTest, ColumnsThatSawNothingAndBrokenHessiansAreTold) {
  constexpr int64_t cols = 64;
  ThreadPool threads(1);
  Hessian hessian = CorrelatedHessian(cols, 4);  // of rank 4: damping makes it definite
  float* sums = reinterpret_cast<float*>(hessian.sums.data());
  for (int64_t i = 0; i < cols; ++i) sums[5 * cols + i] = sums[i * cols + 5] = 0;
  const auto factor = FactorHessian(hessian, 32, {}, threads);
  ASSERT_TRUE(factor.ok()) << factor.status().ToString();
  const std::vector<float> x = Gaussian(cols, 1);
  std::vector<std::byte> blocks(static_cast<size_t>(RowBytes(DType::kQ4_0, cols)));
  ASSERT_TRUE(GptqEncode(DType::kQ4_0, *factor, x.data(), 1, nullptr, blocks.data(), threads).ok());
  std::vector<float> decoded(cols);
  Format(DType::kQ4_0).decode(blocks.data(), decoded.data(), cols);
  for (const float value : decoded) EXPECT_TRUE(std::isfinite(value));
  EXPECT_EQ(GptqEncode(DType::kQ4_K, *factor, x.data(), 1, nullptr, blocks.data(), threads).code(),
            StatusCode::kInvalidArgument);
  sums[0] = NAN;
  EXPECT_EQ(FactorHessian(hessian, 32, {}, threads).status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace autoglm

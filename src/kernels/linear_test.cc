// The matrix products of every runnable table: against float64, and that neither rows nor tokens
// that share a call change a bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "base/rng.h"
#include "kernels/kernels.h"
#include "quant/quant_format.h"
#include "tensor/buffer.h"

namespace autoglm {
namespace {

std::vector<float> Random(int64_t n, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> x(n);
  for (float& value : x) value = static_cast<float>(rng.NextGaussian());
  return x;
}

// Blocks of random numbers, or for types that nothing encodes to of random bits. Encoding is slow:
// 2048 elements are enough, in blocks of any order.
std::vector<std::byte> RandomWeights(DType dtype, int64_t n, uint64_t seed) {
  const int64_t elements = Info(dtype).block_elements, n_bytes = Info(dtype).block_bytes;
  const int64_t n_blocks = n / elements, n_made = std::min(n_blocks, 2048 / elements);
  Rng rng(seed);
  std::vector<std::byte> blocks(n_made * n_bytes);
  if (Format(dtype).can_encode()) {
    Format(dtype).encode(Random(n_made * elements, seed).data(), nullptr, blocks.data(),
                         n_made * elements);
  } else {  // any bits are a valid block, but the scale has to be a sane half
    for (std::byte& b : blocks) b = static_cast<std::byte>(rng.NextU64());
    for (int64_t i = 0; i < n_made; ++i) blocks[i * n_bytes + 1] = std::byte{0x2c};
  }
  std::vector<std::byte> bytes(n_blocks * n_bytes);
  for (int64_t i = 0; i < n_blocks; ++i) {
    const int64_t from = i < n_made ? i : static_cast<int64_t>(rng.NextBelow(n_made));
    std::memcpy(&bytes[i * n_bytes], &blocks[from * n_bytes], n_bytes);
  }
  return bytes;
}

// Blocks of random bits, as far as they are finite numbers: every code and every scale.
std::vector<std::byte> RandomBits(DType dtype, int64_t n_blocks, uint64_t seed) {
  Rng rng(seed);
  std::vector<std::byte> bytes(n_blocks * Info(dtype).block_bytes);
  std::vector<float> decoded(Info(dtype).block_elements);
  for (int64_t i = 0; i < n_blocks;) {
    std::byte* block = &bytes[i * Info(dtype).block_bytes];
    for (int k = 0; k < Info(dtype).block_bytes; ++k) {
      block[k] = static_cast<std::byte>(rng.NextU64() >> 8);
    }
    Format(dtype).decode(block, decoded.data(), Info(dtype).block_elements);
    i += std::all_of(decoded.begin(), decoded.end(), [](float w) { return std::abs(w) < 1e30f; });
  }
  return bytes;
}

// What a kernel that prepares activations reads of x: int8 in blocks of 32.
std::vector<float> AsPrepared(const LinearKernel& kernel, std::vector<float> x) {
  for (size_t at = 0; kernel.prepare != nullptr && at < x.size(); at += 32) {
    float largest = 0;
    for (int i = 0; i < 32; ++i) largest = std::max(largest, std::abs(x[at + i]));
    if (largest == 0) continue;
    for (int i = 0; i < 32; ++i) {
      x[at + i] = std::nearbyint(x[at + i] * (127.0f / largest)) * (largest * (1.0f / 127.0f));
    }
  }
  return x;
}

struct Matrix {
  DType dtype;
  int64_t n_rows, cols;
  std::vector<std::byte> stored = RandomWeights(dtype, n_rows* cols, 1);
};

// Rows [row, row + n_rows) times n_tokens rows of x; [n_tokens][n_rows].
std::vector<float> Multiply(const LinearKernel& kernel, const Matrix& m, int64_t row,
                            int64_t n_rows, const float* x, int64_t n_tokens) {
  const int64_t stride = kernel.prepared_bytes(m.cols);
  const Buffer prepared = Buffer::Allocate(n_tokens * stride, "x").value();
  for (int64_t t = 0; t < n_tokens; ++t) {
    if (kernel.prepare != nullptr) {
      kernel.prepare(x + t * m.cols, m.cols, prepared.data() + t * stride);
    } else {
      std::memcpy(prepared.data() + t * stride, x + t * m.cols, m.cols * sizeof(float));
    }
  }
  const Buffer scratch =
      Buffer::Allocate(kernel.scratch_floats(m.cols) * sizeof(float), "scratch").value();
  constexpr float kUntouched = 12345;
  std::vector<float> y(n_tokens * (n_rows + 1), kUntouched);
  kernel.multiply({.dtype = m.dtype,
                   .weights = m.stored.data() + row * RowBytes(m.dtype, m.cols),
                   .n_rows = n_rows,
                   .cols = m.cols,
                   .x = prepared.data(),
                   .x_stride = stride,
                   .n_tokens = n_tokens,
                   .y = y.data(),
                   .y_stride = n_rows + 1,
                   .scratch = reinterpret_cast<float*>(scratch.data())});
  std::vector<float> out;
  for (int64_t t = 0; t < n_tokens; ++t) {
    const auto begin = y.begin() + t * (n_rows + 1);
    EXPECT_EQ(begin[n_rows], kUntouched) << "written behind row " << n_rows;
    out.insert(out.end(), begin, begin + n_rows);
  }
  return out;
}

class LinearTest : public testing::TestWithParam<std::tuple<size_t, DType>> {
 protected:
  const LinearKernel& kernel() const {
    return RunnableKernels()[std::get<0>(GetParam())].linear[static_cast<int>(dtype())];
  }
  DType dtype() const { return std::get<1>(GetParam()); }
  // One block, several, and more than an unpacked tile holds.
  std::vector<int64_t> Columns() const {
    const int64_t block = Info(dtype()).block_elements;
    if (block == 1) return {1, 8, 64, 172, 291, 1100};
    return {block, 3 * block, 2048 + block};
  }
};

TEST_P(LinearTest, AgreesWithFloat64OnDequantizedWeights) {
  for (const int64_t cols : Columns()) {
    for (const auto& [n_rows, n_tokens] : {std::pair{1, 1}, {7, 2}, {33, 1}, {49, 7}, {64, 13}}) {
      const Matrix m{dtype(), n_rows, cols};
      const auto x = Random(n_tokens * cols, 2), read = AsPrepared(kernel(), x);
      std::vector<float> w(n_rows * cols);
      Format(dtype()).decode(m.stored.data(), w.data(), n_rows * cols);
      const auto y = Multiply(kernel(), m, 0, n_rows, x.data(), n_tokens);
      double error = 0, norm = 0;
      for (int64_t i = 0; i < n_tokens * n_rows; ++i) {
        const float *row = &w[i % n_rows * cols], *column = &read[i / n_rows * cols];
        double sum = 0, magnitude = 0, unrounded = 0;
        for (int64_t c = 0; c < cols; ++c) {
          sum += double{row[c]} * column[c];
          unrounded += double{row[c]} * x[i / n_rows * cols + c];
          magnitude += std::abs(double{row[c]} * column[c]);
        }
        ASSERT_NEAR(y[i], sum, 1e-6 * std::sqrt(double(cols)) * magnitude + 1e-30)
            << "row " << i % n_rows << ", token " << i / n_rows << ", cols " << cols;
        error += (y[i] - unrounded) * (y[i] - unrounded);
        norm += unrounded * unrounded;
      }
      // A step is max |x| / 127, about 2.2 / 127 of a Gaussian's deviation; uniform rounding errs
      // by 1 / sqrt(12) of a step: 0.5 %. Few sums scatter around that.
      if (n_rows * n_tokens > 100) {
        EXPECT_LT(std::sqrt(error / norm), 0.007);
      }
    }
  }
}

TEST_P(LinearTest, AnyBitsOfABlockAndTheLargestActivationsAreRight) {
  // Activations that become 127 or -127 throughout: no sum of products may leave its integer.
  const int64_t block = Info(dtype()).block_elements, cols = std::max<int64_t>(block, 32);
  constexpr int64_t kRows = 40, kTokens = 6;
  const Matrix m{dtype(), kRows, cols, RandomBits(dtype(), kRows * cols / block, 7)};
  std::vector<float> w(kRows * cols), x = Random(kTokens * cols, 8);
  Format(dtype()).decode(m.stored.data(), w.data(), kRows * cols);
  for (int64_t i = 0; i < kTokens * cols; ++i) {
    const bool as_weight = i < cols && w[i] < 0;  // the first token: all products of row 0 add up
    x[i] = (i < cols ? as_weight : x[i] < 0) ? -2.0f : 2.0f;
  }
  for (const int64_t n_tokens : {int64_t{1}, kTokens}) {
    const auto y = Multiply(kernel(), m, 0, kRows, x.data(), n_tokens);
    for (int64_t i = 0; i < n_tokens * kRows; ++i) {
      double sum = 0, magnitude = 0;
      for (int64_t c = 0; c < cols; ++c) {
        const double product = double{w[i % kRows * cols + c]} * x[i / kRows * cols + c];
        sum += product;
        magnitude += std::abs(product);
      }
      ASSERT_NEAR(y[i], sum, 1e-6 * std::sqrt(double(cols)) * magnitude + 1e-30)
          << "row " << i % kRows << ", token " << i / kRows;
    }
  }
}

TEST_P(LinearTest, TokensThatShareACallChangeNoBit) {
  for (const int64_t cols : Columns()) {
    constexpr int64_t kRows = 37, kTokens = 17;
    const Matrix m{dtype(), kRows, cols};
    const auto x = Random(kTokens * cols, 3);
    std::vector<float> one_by_one;
    for (int64_t t = 0; t < kTokens; ++t) {
      const auto y = Multiply(kernel(), m, 0, kRows, &x[t * cols], 1);
      one_by_one.insert(one_by_one.end(), y.begin(), y.end());
    }
    for (int64_t n : {2, 3, 5, 9, 17}) {
      const auto y = Multiply(kernel(), m, 0, kRows, x.data(), n);
      ASSERT_EQ(y, std::vector<float>(one_by_one.begin(), one_by_one.begin() + n * kRows))
          << n << " tokens, cols " << cols;
    }
  }
}

TEST_P(LinearTest, RowsThatShareACallChangeNoBit) {
  for (const int64_t cols : Columns()) {
    constexpr int64_t kRows = 67;
    const Matrix m{dtype(), kRows, cols};
    for (const int64_t n_tokens : {1, 8}) {
      const auto x = Random(n_tokens * cols, 4);
      const auto whole = Multiply(kernel(), m, 0, kRows, x.data(), n_tokens);
      for (const auto& [row, n] : {std::pair{0, 1}, {3, 16}, {5, 33}, {50, 17}}) {
        const auto part = Multiply(kernel(), m, row, n, x.data(), n_tokens);
        for (int64_t i = 0; i < n * n_tokens; ++i) {
          ASSERT_EQ(part[i], whole[i / n * kRows + row + i % n]) << "row " << row + i % n;
        }
      }
    }
  }
}

TEST_P(LinearTest, ZeroAndHugeActivationsStayFinite) {
  const int64_t cols = 2 * std::max(32, Info(dtype()).block_elements);
  const Matrix m{dtype(), 16, cols};
  std::vector<float> x(cols, 0.0f);
  EXPECT_EQ(Multiply(kernel(), m, 0, 16, x.data(), 1), std::vector<float>(16, 0.0f));
  for (int64_t i = 0; i < cols; ++i) x[i] = i % 3 == 0 ? 1e30f : i % 3 == 1 ? 1e-40f : 0;
  for (const float y : Multiply(kernel(), m, 0, 16, x.data(), 1)) EXPECT_TRUE(std::isfinite(y));
}

INSTANTIATE_TEST_SUITE_P(Tables, LinearTest,
                         testing::Combine(testing::Range(size_t{0}, RunnableKernels().size()),
                                          testing::ValuesIn([] {
                                            std::vector<DType> all;
                                            for (int i = 0; i < kNumDTypes; ++i)
                                              all.push_back(DType(i));
                                            return all;
                                          }())),
                         [](const auto& info) {
                           return std::string(RunnableKernels()[std::get<0>(info.param)].isa) +
                                  "_" + std::string(Name(std::get<1>(info.param)));
                         });

}  // namespace
}  // namespace autoglm

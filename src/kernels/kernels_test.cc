// Every runnable kernel table against scalar, and scalar against references in float64.
#include "kernels/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/rng.h"
#include "quant/quant_format.h"

namespace autoglm {
namespace {

std::vector<float> Random(int64_t n, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> x(n);
  for (float& value : x) value = static_cast<float>(rng.NextGaussian());
  return x;
}

// Keys and values of `n` positions for one head, in pages as KvLayout has them, in `dtype`.
struct Cache {
  std::vector<std::vector<std::byte>> pages;
  std::vector<std::byte*> pointers;
  std::vector<float> keys, values;  // as stored, decoded
};

constexpr int kPage = 32;

Cache MakeCache(DType dtype, int n, int d) {
  const auto keys = Random(int64_t{n} * d, 3), values = Random(int64_t{n} * d, 4);
  Cache cache;
  cache.keys.resize(keys.size());
  cache.values.resize(values.size());
  const int64_t row = RowBytes(dtype, d), tile = kPage * row;
  cache.pages.resize((n + kPage - 1) / kPage);
  for (auto& page : cache.pages) page.resize(2 * tile);
  for (int i = 0; i < n; ++i) {
    std::byte* key = cache.pages[i / kPage].data() + i % kPage * row;
    Format(dtype).encode(&keys[int64_t{i} * d], nullptr, key, d);
    Format(dtype).encode(&values[int64_t{i} * d], nullptr, key + tile, d);
    Format(dtype).decode(key, &cache.keys[int64_t{i} * d], d);
    Format(dtype).decode(key + tile, &cache.values[int64_t{i} * d], d);
  }
  for (auto& page : cache.pages) cache.pointers.push_back(page.data());
  return cache;
}

std::vector<double> ReferenceAttention(const Cache& cache, const float* q, int position, int d,
                                       double scale, double softcap, int window) {
  const int begin = window > 0 ? std::max(0, position - window + 1) : 0;
  std::vector<double> out(d), scores;
  double max_score = -1e300, sum = 0;
  for (int i = begin; i <= position; ++i) {
    double s = 0;
    for (int k = 0; k < d; ++k) s += double{q[k]} * cache.keys[int64_t{i} * d + k];
    s *= scale;
    if (softcap > 0) s = softcap * std::tanh(s / softcap);
    scores.push_back(s);
    max_score = std::max(max_score, s);
  }
  for (double& s : scores) sum += s = std::exp(s - max_score);
  for (int i = begin; i <= position; ++i) {
    for (int k = 0; k < d; ++k) {
      out[k] += scores[i - begin] / sum * cache.values[int64_t{i} * d + k];
    }
  }
  return out;
}

TEST(Attention, AgreesWithFloat64ForEveryCacheTypeWindowAndCap) {
  constexpr int d = 64, group = 3, n = 101;
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0}) {
    const Cache cache = MakeCache(dtype, n, d);
    for (const int window : {0, 1, 40}) {
      for (const float softcap : {0.0f, 5.0f}) {
        for (const int first : {0, 31, n - kMaxAttentionRows}) {
          const auto q = Random(int64_t{kMaxAttentionRows} * group * d, 5);
          std::vector<float> out(q.size(), NAN),
              scratch(AttentionScratchFloats(kPage, d, group), NAN);
          BestKernels().attention({.kv_dtype = dtype,
                                   .head_dim = d,
                                   .page_tokens = kPage,
                                   .pages = cache.pointers.data(),
                                   .key_offset = 0,
                                   .value_offset = kPage * RowBytes(dtype, d),
                                   .first_position = first,
                                   .n_rows = kMaxAttentionRows,
                                   .group = group,
                                   .q = q.data(),
                                   .q_stride = group * d,
                                   .out = out.data(),
                                   .out_stride = group * d,
                                   .scale = 0.3f,
                                   .softcap = softcap,
                                   .sliding_window = window,
                                   .scratch = scratch.data()});
          for (int i = 0; i < kMaxAttentionRows * group; ++i) {
            const auto expected = ReferenceAttention(cache, &q[int64_t{i} * d], first + i / group,
                                                     d, 0.3, softcap, window);
            for (int k = 0; k < d; ++k) ASSERT_NEAR(out[int64_t{i} * d + k], expected[k], 2e-5);
          }
        }
      }
    }
  }
}

TEST(RmsNorm, AgreesWithFloat64) {
  const auto x = Random(133, 1), w = Random(133, 2);
  std::vector<float> y(133);
  BestKernels().rms_norm(x.data(), w.data(), 133, 1e-3f, y.data());
  double sum = 0;
  for (float v : x) sum += double{v} * v;
  for (int i = 0; i < 133; ++i) {
    EXPECT_NEAR(y[i], x[i] / std::sqrt(sum / 133 + 1e-3) * w[i], 1e-6 * std::abs(w[i] * 4));
  }
}

TEST(Rope, RotatesThePairsOfItsStyle) {
  const std::vector<float> cos = {0.6f, 0.8f}, sin = {0.8f, 0.6f};
  std::vector<float> half = {1, 2, 3, 4}, interleaved = half;
  BestKernels().rope_half(cos.data(), sin.data(), 2, half.data());
  BestKernels().rope_interleaved(cos.data(), sin.data(), 2, interleaved.data());
  const float expected_half[] = {0.6f - 2.4f, 1.6f - 2.4f, 1.8f + 0.8f, 3.2f + 1.2f};
  const float expected_interleaved[] = {0.6f - 1.6f, 1.2f + 0.8f, 2.4f - 2.4f, 3.2f + 1.8f};
  for (int i = 0; i < 4; ++i) {
    EXPECT_NEAR(half[i], expected_half[i], 1e-6);
    EXPECT_NEAR(interleaved[i], expected_interleaved[i], 1e-6);
  }
}

TEST(GatedActivation, AgreesWithFloat64FarFromZeroToo) {
  std::vector<float> gate, up(161, 1.5f), silu(161), gelu(161);
  for (int i = -80; i <= 80; ++i) gate.push_back(static_cast<float>(i) * 1.25f);
  BestKernels().silu_gate(gate.data(), up.data(), 161, silu.data());
  BestKernels().gelu_tanh_gate(gate.data(), up.data(), 161, gelu.data());
  for (int i = 0; i < 161; ++i) {
    const double x = gate[i];
    EXPECT_NEAR(silu[i], x / (1 + std::exp(-x)) * 1.5, 1e-5);
    EXPECT_NEAR(gelu[i],
                0.75 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))), 1e-4);
  }
}

}  // namespace
}  // namespace autoglm

// Every runnable kernel table against scalar, and scalar against references in float64.
#include "kernels/kernels.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "base/rng.h"
#include "kernels/attention_state.h"
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

double RoundedToBf16(double x) {
  uint32_t bits = std::bit_cast<uint32_t>(static_cast<float>(x));
  bits += 0x7FFF + (bits >> 16 & 1);
  return std::bit_cast<float>(bits & 0xFFFF0000u);
}

struct Expected {
  std::vector<double> out, magnitude;  // sums of w * value, and of w * |value|
};

// In float64; with `bf16`, of inputs that are rounded as the contract has it.
Expected ReferenceAttention(const Cache& cache, const float* q, int position, int d, float scale,
                            double softcap, int window, bool bf16) {
  const auto rounded = [bf16](double x) { return bf16 ? RoundedToBf16(x) : x; };
  const int begin = window > 0 ? std::max(0, position - window + 1) : 0;
  Expected expected{std::vector<double>(d), std::vector<double>(d)};
  std::vector<double> scores;
  double max_score = -1e300, sum = 0;
  for (int i = begin; i <= position; ++i) {
    double s = 0;
    for (int k = 0; k < d; ++k)
      s += rounded(q[k] * scale) * rounded(cache.keys[int64_t{i} * d + k]);
    if (softcap > 0) s = softcap * std::tanh(s / softcap);
    scores.push_back(s);
    max_score = std::max(max_score, s);
  }
  for (double& s : scores) sum += s = std::exp(s - max_score);
  for (int i = begin; i <= position; ++i) {
    for (int k = 0; k < d; ++k) {
      const double value = rounded(cache.values[int64_t{i} * d + k]);
      expected.out[k] += scores[i - begin] / sum * value;
      expected.magnitude[k] += scores[i - begin] / sum * std::abs(value);
    }
  }
  return expected;
}

// Attention of `n_rows` rows from position `first` on, over all that they see.
struct AttentionProblem {
  DType dtype;
  int n, d, group;
  Cache cache = MakeCache(dtype, n, d);
  std::vector<float> q = Random(int64_t{n} * group * d, 5);  // [n][group][d]

  AttentionArgs Args(int first, int n_rows, float* out, float* scratch) const {
    return {.kv_dtype = dtype,
            .head_dim = d,
            .page_tokens = kPage,
            .pages = cache.pointers.data(),
            .key_offset = 0,
            .value_offset = kPage * RowBytes(dtype, d),
            .first_position = first,
            .n_rows = n_rows,
            .group = group,
            .q = q.data() + int64_t{first} * group * d,
            .q_stride = group * d,
            .out = out,
            .out_stride = group * d,
            .scale = 0.3f,
            .softcap = 0,
            .sliding_window = 0,
            .first_chunk = 0,
            .n_chunks = (first + n_rows - 1) / kAttentionChunk + 1,
            .state = nullptr,
            .scratch = scratch};
  }
  Buffer Scratch() const {
    return Buffer::Allocate(AttentionScratchFloats(d, group) * sizeof(float), "s").value();
  }
};

float* Floats(const Buffer& buffer) { return reinterpret_cast<float*>(buffer.data()); }

class TableTest : public testing::TestWithParam<size_t> {
 protected:
  const KernelTable& table() const { return RunnableKernels()[GetParam()]; }
};

TEST_P(TableTest, AttentionAgreesWithFloat64ForEveryCacheTypeWindowAndCap) {
  for (const int d : {8, 64, 80, 96}) {
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0}) {
      if (d % Info(dtype).block_elements != 0) continue;
      const AttentionProblem p{dtype, 301, d, 3};
      const bool bf16 = table().bf16_attention && TakesBf16Attention(dtype, d);
      const Buffer scratch = p.Scratch();
      for (const int window : {0, 1, 40}) {
        for (const float softcap : {0.0f, 5.0f}) {
          for (const int first : {0, 31, 120, p.n - kMaxAttentionRows}) {
            std::vector<float> out(int64_t{kMaxAttentionRows} * p.group * d, NAN);
            AttentionArgs args = p.Args(first, kMaxAttentionRows, out.data(), Floats(scratch));
            args.softcap = softcap;
            args.sliding_window = window;
            table().attention(args);
            for (int i = 0; i < kMaxAttentionRows * p.group; ++i) {
              const Expected expected =
                  ReferenceAttention(p.cache, args.q + int64_t{i} * d, first + i / p.group, d,
                                     args.scale, softcap, window, bf16);
              for (int k = 0; k < d; ++k) {
                // Rounding a weight changes it by at most 2^-8, its exponential by 5e-5.
                const double bound = 2e-5 + (bf16 ? expected.magnitude[k] * (0x1p-8 + 5e-5) : 0);
                ASSERT_NEAR(out[int64_t{i} * d + k], expected.out[k], bound);
              }
            }
          }
        }
      }
    }
  }
}

TEST_P(TableTest, AttentionRowsThatShareACallOrAreCutIntoChunksChangeNoBit) {
  const AttentionProblem p{DType::kF16, 2 * kAttentionChunk + 45, 32, 5};
  const Buffer scratch = p.Scratch();
  for (const int first : {3, kAttentionChunk - 9, 2 * kAttentionChunk + 20}) {
    for (const int window : {0, 600}) {
      const int64_t row = int64_t{p.group} * p.d;
      std::vector<float> together(kMaxAttentionRows * row), alone(together), split(together);
      AttentionArgs args = p.Args(first, kMaxAttentionRows, together.data(), Floats(scratch));
      args.sliding_window = window;
      table().attention(args);
      for (int r = 0; r < kMaxAttentionRows; ++r) {
        AttentionArgs one = p.Args(first + r, 1, &alone[r * row], Floats(scratch));
        one.sliding_window = window;
        table().attention(one);
        // The same, each chunk by itself.
        one.out = &split[r * row];
        one.first_chunk = static_cast<int>(FirstSeen(one, first + r) / kAttentionChunk);
        const int n_chunks = one.n_chunks - one.first_chunk;
        const int64_t n_floats = AttentionStateFloats(p.d, p.group);
        const Buffer states =
            Buffer::Allocate(n_chunks * n_floats * sizeof(float), "states").value();
        one.n_chunks = 1;
        for (int i = 0; i < n_chunks; ++i, ++one.first_chunk) {
          one.state = Floats(states) + i * n_floats;
          table().attention(one);
        }
        FinishAttention(one, Floats(states), n_chunks);
      }
      EXPECT_EQ(together, alone) << "first " << first << ", window " << window;
      EXPECT_EQ(together, split) << "first " << first << ", window " << window;
    }
  }
}

TEST_P(TableTest, RmsNormAgreesWithFloat64) {
  const auto x = Random(133, 1), w = Random(133, 2);
  std::vector<float> y(133);
  table().rms_norm(x.data(), w.data(), 133, 1e-3f, y.data());
  double sum = 0;
  for (float v : x) sum += double{v} * v;
  for (int i = 0; i < 133; ++i) {
    EXPECT_NEAR(y[i], x[i] / std::sqrt(sum / 133 + 1e-3) * w[i], 1e-6 * std::abs(w[i] * 4));
  }
}

TEST_P(TableTest, RopeRotatesThePairsOfItsStyle) {
  const std::vector<float> cos = {0.6f, 0.8f}, sin = {0.8f, 0.6f};
  std::vector<float> half = {1, 2, 3, 4}, interleaved = half;
  table().rope_half(cos.data(), sin.data(), 2, half.data());
  table().rope_interleaved(cos.data(), sin.data(), 2, interleaved.data());
  const float expected_half[] = {0.6f - 2.4f, 1.6f - 2.4f, 1.8f + 0.8f, 3.2f + 1.2f};
  const float expected_interleaved[] = {0.6f - 1.6f, 1.2f + 0.8f, 2.4f - 2.4f, 3.2f + 1.8f};
  for (int i = 0; i < 4; ++i) {
    EXPECT_NEAR(half[i], expected_half[i], 1e-6);
    EXPECT_NEAR(interleaved[i], expected_interleaved[i], 1e-6);
  }
}

TEST_P(TableTest, GatedActivationAgreesWithFloat64FarFromZeroToo) {
  std::vector<float> gate, up(161, 1.5f), silu(161), gelu(161);
  for (int i = -80; i <= 80; ++i) gate.push_back(static_cast<float>(i) * 1.25f);
  table().silu_gate(gate.data(), up.data(), 161, silu.data());
  table().gelu_tanh_gate(gate.data(), up.data(), 161, gelu.data());
  for (int i = 0; i < 161; ++i) {
    const double x = gate[i];
    EXPECT_NEAR(silu[i], x / (1 + std::exp(-x)) * 1.5, 1e-5);
    EXPECT_NEAR(gelu[i],
                0.75 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))), 1e-4);
  }
}

TEST(RunnableKernels, BeginWithScalarAndEndWithTheTableOfThisProcessor) {
  EXPECT_STREQ(RunnableKernels().front().isa, "scalar");
  std::set<std::string> names;
  for (const KernelTable& table : RunnableKernels()) {
    EXPECT_TRUE(names.insert(table.isa).second) << table.isa << " is there twice";
  }
  // Where the build says what it emulates (tests/CMakeLists.txt).
  if (const char* expected = std::getenv("AUTOGLM_EXPECTED_ISA")) {
    EXPECT_STREQ(RunnableKernels().back().isa, expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, TableTest, testing::Range(size_t{0}, RunnableKernels().size()),
                         [](const auto& info) { return RunnableKernels()[info.param].isa; });

}  // namespace
}  // namespace autoglm

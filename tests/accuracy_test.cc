// What int8 activations cost: every table of kernels that this processor can run against the scalar
// one, which computes in float32, on a trained model (stories260K) in each weight type that its
// files have or that it is quantized to while loading.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "base/str.h"
#include "engine/perplexity.h"
#include "kernels/kernels.h"
#include "tests/model_runner.h"
#include "tests/test_data.h"
#include "text/tokenizer.h"

namespace autoglm {
namespace {

constexpr double kMaxPerplexityChange = 0.003;
// Each product's rounding is about 0.4 % of its result; seen after five layers: 0.6 % to 0.8 %.
constexpr double kMaxRelativeL2 = 0.01;
constexpr int kContext = 256;
constexpr int kTokens = 10 * kContext;

struct Weights {
  const char* name;
  const char* file;      ///< under models/ of the test data
  const char* quantize;  ///< while loading; "": as stored
};
constexpr Weights kWeights[] = {
    {"q8_0", "stories260K-ffn192-q8_0.gguf", ""},   {"q4_0", "stories260K-ffn192-q4_0.gguf", ""},
    {"q4_k_m", "stories260K-e256-q4_k_m.gguf", ""}, {"f32_as_int8", "stories260K.gguf", "int8"},
    {"f32_as_q4_1", "stories260K.gguf", "q4_1"},    {"f32_as_q5_0", "stories260K.gguf", "q5_0"},
    {"f32_as_f16", "stories260K.gguf", "f16"},      {"f32_as_bf16", "stories260K.gguf", "bf16"},
};

class AccuracyTest : public testing::TestWithParam<Weights> {
 protected:
  void SetUp() override {
    AUTOGLM_TEST_DATA_OR_SKIP(path, StrCat("models/", GetParam().file));
    AUTOGLM_TEST_DATA_OR_SKIP(text_path, "models/ppl_text.txt");
    Result<std::unique_ptr<ModelFile>> file = ModelFile::Open(path);
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    file_ = std::move(file).value();
    const auto tokenizer = Tokenizer::Create(file_->metadata());
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
    std::ifstream stream(text_path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    tokens_ = (*tokenizer)->Encode(text, {});
    bos_id_ = (*tokenizer)->bos_id();
    ASSERT_GE(tokens_.size(), size_t{kTokens});
    tokens_.resize(kTokens);
  }

  std::unique_ptr<ModelRunner> Load(const KernelTable& kernels, int n_threads = 2) const {
    LoadOptions options;
    options.quantize = GetParam().quantize;
    auto runner = std::make_unique<ModelRunner>(*file_, options, n_threads, DType::kF16, kernels);
    EXPECT_TRUE(runner->status().ok()) << runner->status().ToString();
    return runner;
  }

  /// Of the second half of each chunk.
  double PerplexityOf(ModelRunner& runner) const {
    auto engine = Engine::Create(runner.model(), runner.backend(), nullptr, clock_, {});
    EXPECT_TRUE(engine.ok()) << engine.status().ToString();
    const auto result = Perplexity(**engine, tokens_, kContext, bos_id_,
                                   [](const PerplexityResult&, int) { return OkStatus(); });
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    return result->perplexity;
  }

  std::span<const int32_t> Chunk() const { return std::span(tokens_).first(kContext); }

 private:
  SteadyClock clock_;
  std::unique_ptr<ModelFile> file_;
  std::vector<int32_t> tokens_;
  int32_t bos_id_ = -1;
};

TEST_P(AccuracyTest, FastKernelsKeepWhatScalarKernelsCompute) {
  const auto scalar = Load(ScalarKernels());
  ASSERT_TRUE(scalar->status().ok());
  const double expected = PerplexityOf(*scalar);
  const Rows expected_rows = scalar->Prefill(Chunk(), kContext);
  for (const KernelTable& kernels : RunnableKernels().subspan(1)) {
    SCOPED_TRACE(kernels.isa);
    const auto fast = Load(kernels);
    ASSERT_TRUE(fast->status().ok());
    const double change = std::abs(PerplexityOf(*fast) / expected - 1);
    const double error = RelativeL2(fast->Prefill(Chunk(), kContext), expected_rows);
    std::printf("%-12s %-12s perplexity %.3f changed by %.3f %%, logits by %.2f %%\n",
                GetParam().name, kernels.isa, expected, 100 * change, 100 * error);
    EXPECT_LT(change, kMaxPerplexityChange);
    EXPECT_LT(error, kMaxRelativeL2);
  }
}

TEST_P(AccuracyTest, NeitherThreadsNorBatchesChangeABit) {
  for (const KernelTable& kernels : RunnableKernels()) {
    SCOPED_TRACE(kernels.isa);
    const auto one = Load(kernels, 1), three = Load(kernels, 3);
    ASSERT_TRUE(one->status().ok() && three->status().ok());
    const Rows whole = one->Prefill(Chunk().first(40), 40);
    EXPECT_EQ(three->Prefill(Chunk().first(40), 40), whole);
    EXPECT_EQ(three->Prefill(Chunk().first(40), 7), whole);
    EXPECT_EQ(three->Prefill(Chunk().first(40), 1), whole);
  }
}

// Scalar kernels whose activations are rounded as the integer kernels round theirs, but only in the
// chosen products of each layer and the output. Products are told apart by the order of calls: one
// thread, kContext rows a product.
class RoundedActivations {
 public:
  enum Product { kQkv, kAttentionOutput, kGateUp, kDown, kOutput, kNumProducts };
  static constexpr int kAll = (1 << kNumProducts) - 1;

  static KernelTable Table(int n_layers, int products) {
    n_calls_ = 0;
    n_layers_ = n_layers;
    products_ = products;
    KernelTable table = ScalarKernels();
    for (int i = 0; i < kNumDTypes; ++i) {
      if (!IsFloat(DType(i))) table.linear[i].prepare = Prepare;
    }
    return table;
  }

 private:
  static void Prepare(const float* x, int64_t cols, std::byte* out) {
    const int n = n_calls_++ / kContext;
    const int product = n < kOutput * n_layers_ ? n % kOutput : kOutput;
    float* y = reinterpret_cast<float*>(out);
    std::copy(x, x + cols, y);
    if ((products_ >> product & 1) == 0) return;
    for (int64_t at = 0; at < cols; at += 32) {
      float largest = 0;
      for (int i = 0; i < 32; ++i) largest = std::max(largest, std::abs(x[at + i]));
      if (largest == 0) continue;
      const float step = largest / 127;
      for (int i = 0; i < 32; ++i) y[at + i] = std::nearbyint(x[at + i] / step) * step;
    }
  }

  static inline int n_calls_, n_layers_, products_;
};

TEST_P(AccuracyTest, RoundingActivationsIsAllThatIntegerKernelsLose) {
  if (GetParam().quantize[0] != '\0') GTEST_SKIP() << "rows of 172 elements stay float16";
  const auto scalar = Load(ScalarKernels(), 1);
  ASSERT_TRUE(scalar->status().ok());
  const Rows expected = scalar->Prefill(Chunk(), kContext);
  const auto error_with = [&](int products) {
    const KernelTable kernels =
        RoundedActivations::Table(scalar->model().config().num_hidden_layers, products);
    return RelativeL2(Load(kernels, 1)->Prefill(Chunk(), kContext), expected);
  };
  constexpr const char* kNames[] = {"q, k, v", "attention output", "gate, up", "down", "output"};
  double squares = 0;
  std::printf("%-12s", GetParam().name);
  for (int i = 0; i < RoundedActivations::kNumProducts; ++i) {
    const double error = error_with(1 << i);
    squares += error * error;
    std::printf(" %s %.2f %%;", kNames[i], 100 * error);
  }
  const double all = error_with(RoundedActivations::kAll);
  const int kept = RoundedActivations::kAll & ~(1 << RoundedActivations::kOutput);
  const double without_output = error_with(kept);
  const double without_both = error_with(kept & ~(1 << RoundedActivations::kDown));
  std::printf(" all %.2f %%, without output %.2f %%, without output and down %.2f %%\n", 100 * all,
              100 * without_output, 100 * without_both);
  // Independent errors add up by their squares; 5 layers and 256 rows of 512 logits scatter little.
  EXPECT_NEAR(all, std::sqrt(squares), 0.15 * all);
  const double fast = RelativeL2(Load(BestKernels(), 1)->Prefill(Chunk(), kContext), expected);
  EXPECT_NEAR(fast, all, 0.15 * all + 2e-4);
}

INSTANTIATE_TEST_SUITE_P(Weights, AccuracyTest, testing::ValuesIn(kWeights),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace autoglm

// The gradients of every operation and of whole decoders, against central differences in double.
#include "training/ops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "training/decoder.h"

namespace autoglm {
namespace {

// Differences of step 1e-5 in double: the truncation error is about 1e-10, rounding below it.
constexpr double kStep = 1e-5, kTolerance = 1e-6;

at::Tensor Random(at::IntArrayRef sizes, uint64_t seed) {
  at::manual_seed(seed);
  return at::randn(sizes, at::kDouble).set_requires_grad(true);
}

/// Compares the gradient of `loss` by up to `n_checked` elements of `x` with differences.
void CheckGradient(const at::Tensor& x, const std::function<at::Tensor()>& loss, int n_checked) {
  x.mutable_grad() = at::Tensor();
  loss().backward();
  const at::Tensor gradient = x.grad().contiguous().view({-1});
  const at::NoGradGuard no_grad;
  double* data = x.data_ptr<double>();
  const int64_t n = x.numel(), stride = std::max<int64_t>(1, n / n_checked);
  for (int64_t i = 0; i < n; i += stride) {
    const double value = data[i];
    data[i] = value + kStep;
    const double above = loss().item<double>();
    data[i] = value - kStep;
    const double below = loss().item<double>();
    data[i] = value;
    const double expected = (above - below) / (2 * kStep), found = gradient[i].item<double>();
    EXPECT_NEAR(found, expected, kTolerance * (1 + std::abs(expected))) << "element " << i;
  }
}

/// A scalar that depends on every element of `y`, each in its own way.
at::Tensor Scalar(const at::Tensor& y) {
  return (y * at::linspace(-1, 2, y.numel(), at::kDouble).view(y.sizes())).sum();
}

TEST(OpsTest, GradientOfRmsNorm) {
  const at::Tensor x = Random({5, 24}, 1), weight = Random({24}, 2);
  const auto loss = [&] { return Scalar(RmsNorm(x, weight, 1e-5)); };
  CheckGradient(x, loss, 120);
  CheckGradient(weight, loss, 24);
}

TEST(OpsTest, GradientOfSwiGlu) {
  const at::Tensor x = Random({3, 20}, 3);
  CheckGradient(
      x, [&] { return Scalar(SwiGlu(x)); }, 60);
}

TEST(OpsTest, GradientOfCrossEntropy) {
  const at::Tensor logits = Random({4, 11}, 4);
  const std::vector<int32_t> targets = {3, 0, 10, 3};
  CheckGradient(
      logits, [&] { return CrossEntropy(logits, targets) * 3; }, 44);
}

TEST(OpsTest, CrossEntropyIsTorchs) {
  const at::Tensor logits = Random({6, 40}, 5).detach().to(at::kFloat) * 5;
  const std::vector<int32_t> targets = {3, 0, 39, 3, 7, 9};
  const at::Tensor expected = at::cross_entropy_loss(
      logits, at::tensor(std::vector<int64_t>(targets.begin(), targets.end())));
  EXPECT_NEAR(CrossEntropy(logits, targets).item<double>(), expected.item<double>(), 1e-6);
}

TEST(OpsTest, AttentionIsThatOfPlainTorch) {
  const HeadLayout layout = {4, 2, 8, 0, true};
  const int64_t n = 7;
  const at::Tensor qkv = Random({2 * n, layout.cols()}, 6).detach(),
                   none = at::zeros({n, 0}, at::kDouble);
  const at::Tensor out = Attention(qkv, none, none, layout, n);
  for (int64_t sequence = 0; sequence < 2; ++sequence) {
    const at::Tensor rows = qkv.narrow(0, sequence * n, n);
    for (int64_t h = 0; h < 4; ++h) {
      const at::Tensor q = rows.narrow(1, h * 8, 8), k = rows.narrow(1, (4 + h / 2) * 8, 8),
                       v = rows.narrow(1, (6 + h / 2) * 8, 8);
      at::Tensor scores = at::mm(q, k.t()) / std::sqrt(8.0);
      scores = scores.masked_fill(at::ones({n, n}, at::kBool).triu(1), -INFINITY);
      const at::Tensor expected = at::mm(at::softmax(scores, 1), v);
      const at::Tensor found = out.narrow(0, sequence * n, n).narrow(1, h * 8, 8);
      EXPECT_LT((found - expected).abs().max().item<double>(), 1e-12);
    }
  }
}

TEST(OpsTest, GradientOfAttention) {
  for (const bool interleaved : {true, false}) {
    const HeadLayout layout = {4, 2, 8, 4, interleaved};
    const at::Tensor qkv = Random({2 * 5, layout.cols()}, 7);
    const at::Tensor angles = at::linspace(0, 3, 10, at::kDouble).view({5, 2});
    CheckGradient(
        qkv, [&] { return Scalar(Attention(qkv, angles.cos(), angles.sin(), layout, 5)); }, 320);
  }
}

TEST(OpsTest, GradientsOfWholeDecoders) {
  for (const char* architecture : {"chatglm", "glm4", "llama", "qwen3"}) {
    DecoderConfig config;
    config.architecture = architecture;
    config.vocab_size = 13;
    config.hidden_size = 12;
    config.intermediate_size = 10;
    config.num_hidden_layers = 2;
    config.num_attention_heads = 4;
    config.num_key_value_heads = 2;
    config.head_dim = 4;
    config.rotary_dim = config.has_head_norms() ? 4 : 2;
    config.max_position_embeddings = 16;
    config.attention_bias = config.architecture == "llama" || config.architecture == "chatglm";
    config.tie_word_embeddings = config.architecture != "glm4";
    TrainableDecoder decoder(config, 9);
    decoder.To(at::kDouble);
    {  // rows of a size at which a norm's curvature is small against the step
      const at::NoGradGuard no_grad;
      decoder.parameters()[0].value.mul_(25);
    }
    ExampleSet examples;
    examples.Add(std::vector<int32_t>{1, 5, 2, 7, 12}, 2);
    examples.Add(std::vector<int32_t>{3, 3, 0, 11}, 1);
    const TokenBatch batch = MakeBatch(examples, std::vector<int>{0, 1});
    for (const Parameter& parameter : decoder.parameters()) {
      SCOPED_TRACE(StrCat(architecture, " ", parameter.name));
      for (const Parameter& other : decoder.parameters()) other.value.mutable_grad() = at::Tensor();
      CheckGradient(
          parameter.value, [&] { return CrossEntropy(decoder.Logits(batch), batch.targets); }, 12);
    }
  }
}

}  // namespace
}  // namespace autoglm

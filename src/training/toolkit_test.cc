// Rounding, pruning, sharing and distilling: what each does to a model's arithmetic.
#include <gtest/gtest.h>

#include "formats/safetensors_bytes_for_test.h"
#include "quant/quant_format.h"
#include "tests/model_runner.h"
#include "training/distil.h"
#include "training/fake_quantize.h"
#include "training/models_for_test.h"
#include "training/ops.h"
#include "training/prune.h"
#include "training/qat.h"
#include "training/share.h"

namespace autoglm {
namespace {

TEST(FakeQuantizeTest, RoundsAsTheEngineAndLetsGradientsPass) {
  at::manual_seed(1);
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0}) {
    const at::Tensor x = at::randn({7, 64}).set_requires_grad(true);
    const at::Tensor rounded = FakeQuantize(x, dtype);
    std::vector<std::byte> blocks(static_cast<size_t>(RowBytes(dtype, x.numel())));
    std::vector<float> expected(static_cast<size_t>(x.numel()));
    Format(dtype).encode(x.data_ptr<float>(), nullptr, blocks.data(), x.numel());
    Format(dtype).decode(blocks.data(), expected.data(), x.numel());
    EXPECT_TRUE(at::equal(rounded.detach().view({-1}), at::tensor(expected)));
    EXPECT_FALSE(at::equal(rounded, x));
    const at::Tensor weights = at::randn({7, 64});
    (rounded * weights).sum().backward();
    EXPECT_TRUE(at::equal(x.grad(), weights));
  }
}

TEST(FakeQuantizeTest, TheQuantizedFileHoldsWhatWasTrainedWith) {
  for (const char* architecture : {"chatglm", "llama"}) {
    const TempFolder folder(StrCat("quantized_", architecture));
    TrainableDecoder decoder(ConfigForTest(architecture), 3);
    const auto recipe = ParseRecipe("q8_0");
    const auto rounding = FakeQuantization(decoder, *recipe);
    ASSERT_TRUE(rounding.ok());
    const std::string path = folder.path() + "/model.gguf";
    ASSERT_TRUE(SaveQuantized(decoder, TokenizerForTest(), *recipe, path, {}).ok());
    decoder.Bake(*rounding);
    const auto read = TrainedModel::Open(path);
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    for (size_t i = 0; i < decoder.parameters().size(); ++i) {
      EXPECT_TRUE(at::equal(read->decoder->parameters()[i].value, decoder.parameters()[i].value))
          << architecture << " " << decoder.parameters()[i].name;
    }
  }
}

/// Makes the second half of the channels, key-value head 0 and layer 1 do nothing.
void Disable(TrainableDecoder* decoder) {
  const at::NoGradGuard no_grad;
  const DecoderConfig& c = decoder->config();
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const std::string b = StrCat("blk.", i, ".");
    decoder->FileValue(b + "ffn_down.weight").narrow(1, 32, c.intermediate_size - 32).zero_();
    decoder->FileValue(b + "attn_output.weight").narrow(1, 0, c.q_rows() / 2).zero_();
  }
  decoder->FileValue("blk.1.ffn_down.weight").zero_();
  decoder->FileValue("blk.1.attn_output.weight").zero_();
}

/// A few steps of signed gradients with the disabled parts kept so, after which every other layer
/// lowers the loss: of random ones some raise it, and are rightly worth less than nothing.
void LearnDisabled(TrainableDecoder* decoder) {
  for (int step = 0; step < 40; ++step) {
    Disable(decoder);
    const TokenBatch batch = MakeBatch(ExamplesForTest(), std::vector<int>{0});
    CrossEntropy(decoder->Logits(batch), batch.targets).backward();
    const at::NoGradGuard no_grad;
    for (Parameter& p : decoder->parameters()) {
      p.value.sub_(p.value.grad().sign() * 0.002);
      p.value.mutable_grad() = at::Tensor();
    }
  }
  Disable(decoder);
}

TEST(PruneTest, WhatDoesNothingIsFoundAndTakenAwayWithoutATrace) {
  for (const char* architecture : {"chatglm", "glm4", "qwen3"}) {
    TrainableDecoder decoder(ConfigForTest(architecture), 4);
    if (std::string_view(architecture) != "glm4") Disturb(&decoder);
    LearnDisabled(&decoder);
    const auto expected = LogitsForTest(decoder);
    const Importance importance = MeasureImportance(&decoder, ExamplesForTest(), 64, 1);
    DecoderConfig shape = decoder.config();
    shape.intermediate_size = 32;
    shape.num_hidden_layers = 2;
    shape.num_attention_heads = 2;
    shape.num_key_value_heads = 1;
    const auto pruned = PruneTo(decoder, importance, shape);
    // The sums are the same but for the order in which zeros are added.
    EXPECT_LT(RelativeL2(LogitsForTest(*pruned), expected), 1e-6) << architecture;
  }
}

TEST(PruneTest, ShapesMeetTheirTargetAndImpossibleOnesAreRefused) {
  DecoderConfig config = ConfigForTest("chatglm");
  config.intermediate_size = 512;
  config.num_key_value_heads = 4;
  const auto count = [](const DecoderConfig& c) { return static_cast<double>(c.n_parameters()); };
  const double half = count(config) / 2;
  const auto shape = ShapeWithin(config, {}, count, half);
  ASSERT_TRUE(shape.ok());
  EXPECT_LE(count(*shape), half);
  EXPECT_GT(count(*shape), 0.85 * half);
  EXPECT_EQ(shape->intermediate_size % 32, 0);
  EXPECT_EQ(shape->hidden_size, config.hidden_size);
  const auto impossible = ShapeWithin(config, {}, count, 100);
  EXPECT_EQ(impossible.status().code(), StatusCode::kInvalidArgument);
  const auto bytes = WeightBytes(config, *ParseRecipe("q8_0"));
  ASSERT_TRUE(bytes.ok());
  EXPECT_NEAR(static_cast<double>(*bytes), count(config) * 34 / 32, 0.02 * count(config));
}

TEST(ShareTest, SharedLayersAreStoredOnceAndRunByTheEngine) {
  for (const char* architecture : {"chatglm", "llama"}) {
    const TempFolder folder(StrCat("shared_", architecture));
    TrainableDecoder decoder(ConfigForTest(architecture), 6);
    Disturb(&decoder);
    const auto shared = ShareLayers(decoder, 2, ExamplesForTest(), 64);
    EXPECT_EQ(shared->config().layer_sources, (std::vector<int>{0, 0, 2}));
    EXPECT_LT(shared->config().n_parameters(), decoder.config().n_parameters());
    ASSERT_TRUE(SaveModel(*shared, TokenizerForTest(), folder.path()).ok());
    const auto expected = LogitsForTest(*shared);
    for (const std::string& path : {folder.path(), folder.path() + "/model.gguf"}) {
      const auto file = ModelFile::Open(path);
      ASSERT_TRUE(file.ok()) << file.status().ToString();
      const bool is_gguf = path != folder.path();
      EXPECT_EQ((*file)->Find("blk.1.attn_norm.weight") == nullptr, is_gguf);
      ModelRunner runner(**file, {});
      ASSERT_TRUE(runner.status().ok()) << runner.status().ToString();
      EXPECT_LT(RelativeL2(runner.Prefill(TokensForTest(), 40), expected), 1e-5) << path;
    }
    const auto read = TrainedModel::Open(folder.path() + "/model.gguf");
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    EXPECT_EQ(read->decoder->config(), shared->config());
    EXPECT_LT(RelativeL2(LogitsForTest(*read->decoder), expected), 1e-9);
  }
}

TEST(DistilTest, TheDivergenceIsThatOfSoftenedDistributions) {
  const at::Tensor teacher = at::tensor({std::log(0.7F), std::log(0.3F)}).view({1, 2});
  const at::Tensor student = at::tensor({std::log(0.4F), std::log(0.6F)}).view({1, 2});
  const double expected = 0.7 * std::log(0.7 / 0.4) + 0.3 * std::log(0.3 / 0.6);
  EXPECT_NEAR(SoftenedDivergence(teacher, student, 1).item<double>(), expected, 1e-6);
  const double p = std::sqrt(0.7) / (std::sqrt(0.7) + std::sqrt(0.3));
  const double q = std::sqrt(0.4) / (std::sqrt(0.4) + std::sqrt(0.6));
  const double softened = 4 * (p * std::log(p / q) + (1 - p) * std::log((1 - p) / (1 - q)));
  EXPECT_NEAR(SoftenedDivergence(teacher, student, 2).item<double>(), softened, 1e-6);
}

TEST(DistilTest, AStudentThatIsItsTeacherHasNothingToLearnFromIt) {
  const TrainableDecoder teacher(ConfigForTest("chatglm"), 7), twin(ConfigForTest("chatglm"), 7),
      other(ConfigForTest("chatglm"), 8);
  const DistilLoss loss = {
      .temperature = 2, .teacher_weight = 1, .hidden_weight = 1, .relation_weight = 1};
  const TokenBatch batch = MakeBatch(ExamplesForTest(), std::vector<int>{0});
  EXPECT_NEAR((*DistilObjective(teacher, twin, loss))(batch).item<double>(), 0, 1e-5);
  const at::Tensor value = (*DistilObjective(teacher, other, loss))(batch);
  EXPECT_GT(value.item<double>(), 0.1);
  value.backward();
  for (const Parameter& p : other.parameters()) EXPECT_TRUE(p.value.grad().defined()) << p.name;
  for (const Parameter& p : teacher.parameters()) EXPECT_FALSE(p.value.grad().defined()) << p.name;
}

TEST(DistilTest, PairsThatCannotBeComparedAreRefused) {
  DecoderConfig wide = ConfigForTest("chatglm"), words = ConfigForTest("chatglm");
  wide.hidden_size = 96;
  words.vocab_size = 301;
  const TrainableDecoder teacher(ConfigForTest("chatglm"), 1), a(wide, 1), b(words, 1);
  EXPECT_TRUE(DistilObjective(teacher, a, {}).ok());
  EXPECT_FALSE(DistilObjective(teacher, a, {.hidden_weight = 1}).ok());
  EXPECT_FALSE(DistilObjective(teacher, b, {}).ok());
}

}  // namespace
}  // namespace autoglm

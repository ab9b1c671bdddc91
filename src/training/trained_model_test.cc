// What is trained is what runs: logits of torch and of the engine, files of both kinds read back.
#include "training/trained_model.h"

#include <gtest/gtest.h>

#include "formats/safetensors_bytes_for_test.h"
#include "tests/model_runner.h"
#include "training/tokenizer_metadata.h"
#include "training/train.h"

namespace autoglm {
namespace {

constexpr int kVocab = 300;

DecoderConfig Small(const std::string& architecture) {
  DecoderConfig config;
  config.architecture = architecture;
  config.vocab_size = kVocab;
  config.hidden_size = 64;
  config.intermediate_size = 96;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 16;
  const bool is_glm = architecture == "chatglm" || architecture == "glm4";
  config.rotary_dim = is_glm ? 8 : 16;
  config.max_position_embeddings = 64;
  config.attention_bias = architecture == "chatglm" || architecture == "llama";
  config.tie_word_embeddings = architecture == "chatglm" || architecture == "qwen3";
  return config;
}

TokenizerPart SmallTokenizer() {
  auto trainer = BpeTrainer::Create("llama-bpe", true);
  EXPECT_TRUE(trainer->Add("turn on the light, turn off the radio and the light again").ok());
  const SpecialTokens special = DefaultSpecialTokens();
  const auto vocabulary = trainer->Train(
      {.vocab_size = kVocab - static_cast<int>(special.names.size()), .min_count = 1});
  auto metadata = std::make_unique<Metadata>();
  WriteTokenizerMetadata(*vocabulary, special, metadata.get());
  auto part = TokenizerPart::Create(std::move(metadata));
  EXPECT_TRUE(part.ok()) << part.status().ToString();
  return std::move(part).value();
}

/// Biases and norms that differ from their neutral values, so that a mistake in them shows.
void Disturb(TrainableDecoder* decoder) {
  const at::NoGradGuard no_grad;
  at::manual_seed(5);
  for (Parameter& p : decoder->parameters()) {
    if (!p.is_matrix) p.value.add_(at::randn(p.value.sizes()) * 0.2);
  }
}

std::vector<int32_t> SomeTokens() {
  std::vector<int32_t> tokens;
  for (int i = 0; i < 40; ++i) tokens.push_back(i * 37 % kVocab);
  return tokens;
}

Rows LogitsInTorch(const TrainableDecoder& decoder, const std::vector<int32_t>& tokens) {
  std::vector<int32_t> with_target = tokens;
  with_target.push_back(0);
  ExampleSet examples;
  examples.Add(with_target, 1);
  const at::NoGradGuard no_grad;
  const at::Tensor logits = decoder.Logits(MakeBatch(examples, std::vector<int>{0}));
  Rows rows;
  for (int64_t i = 0; i < logits.size(0); ++i) {
    const float* row = logits.data_ptr<float>() + i * logits.size(1);
    rows.emplace_back(row, row + logits.size(1));
  }
  return rows;
}

class TrainedModelTest : public ::testing::TestWithParam<const char*> {};

TEST_P(TrainedModelTest, TheEngineComputesWhatTorchComputes) {
  const TempFolder folder(StrCat("trained_", GetParam()));
  TrainableDecoder decoder(Small(GetParam()), 3);
  Disturb(&decoder);
  ASSERT_TRUE(SaveModel(decoder, SmallTokenizer(), folder.path()).ok());
  const Rows expected = LogitsInTorch(decoder, SomeTokens());
  for (const std::string& path : {folder.path(), folder.path() + "/model.gguf"}) {
    const auto file = ModelFile::Open(path);
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    ModelRunner runner(**file, {});
    ASSERT_TRUE(runner.status().ok()) << runner.status().ToString();
    EXPECT_LT(RelativeL2(runner.Prefill(SomeTokens(), 40), expected), 1e-5) << path;
  }
}

TEST_P(TrainedModelTest, ModelsAreReadBackToTheBit) {
  const TempFolder folder(StrCat("reread_", GetParam()));
  TrainableDecoder decoder(Small(GetParam()), 3);
  Disturb(&decoder);
  ASSERT_TRUE(SaveModel(decoder, SmallTokenizer(), folder.path()).ok());
  for (const std::string& path : {folder.path(), folder.path() + "/model.gguf"}) {
    const auto model = TrainedModel::Open(path);
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    EXPECT_EQ(model->decoder->config(), decoder.config());
    for (size_t i = 0; i < decoder.parameters().size(); ++i) {
      EXPECT_TRUE(at::equal(model->decoder->parameters()[i].value, decoder.parameters()[i].value))
          << path << " " << decoder.parameters()[i].name;
    }
    EXPECT_EQ(model->text.tokenizer->Encode("turn on the light", {}),
              SmallTokenizer().tokenizer->Encode("turn on the light", {}));
    ASSERT_TRUE(model->text.chat_template.has_value());
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, TrainedModelTest,
                         ::testing::Values("chatglm", "glm4", "llama", "qwen3"));

TEST(TrainedModelErrorsTest, WhatCannotBeTrainedIsNamed) {
  EXPECT_EQ(TrainedModel::Open("/nowhere").status().code(), StatusCode::kNotFound);
  const auto config = ParseDecoderConfig(R"({"model_type": "mamba"})", 300);
  EXPECT_NE(config.status().message().find("mamba"), std::string::npos);
  const auto heads = ParseDecoderConfig(
      R"({"model_type": "glm", "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1,
          "num_attention_heads": 4, "num_key_value_heads": 3})",
      300);
  EXPECT_NE(heads.status().message().find("num_attention_heads"), std::string::npos);
}

TEST(TrainedModelErrorsTest, TokenizersThatDifferAreToldApart) {
  const TokenizerPart a = SmallTokenizer(), b = SmallTokenizer();
  EXPECT_TRUE(CheckSameTokenizer(*a.metadata, *b.metadata).ok());
  auto trainer = BpeTrainer::Create("llama-bpe", true);
  ASSERT_TRUE(trainer->Add("something else altogether, and more of it").ok());
  auto metadata = std::make_unique<Metadata>();
  WriteTokenizerMetadata(*trainer->Train({.vocab_size = 290, .min_count = 1}),
                         DefaultSpecialTokens(), metadata.get());
  const Status differ = CheckSameTokenizer(*a.metadata, *metadata);
  EXPECT_EQ(differ.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(differ.message().find("tokenizers differ"), std::string::npos);
}

}  // namespace
}  // namespace autoglm

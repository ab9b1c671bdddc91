// What is trained is what runs: logits of torch and of the engine, files of both kinds read back.
#include "training/trained_model.h"

#include <gtest/gtest.h>

#include "formats/safetensors_bytes_for_test.h"
#include "tests/model_runner.h"
#include "training/models_for_test.h"
#include "training/train.h"

namespace autoglm {
namespace {

class TrainedModelTest : public ::testing::TestWithParam<const char*> {};

TEST_P(TrainedModelTest, TheEngineComputesWhatTorchComputes) {
  const TempFolder folder(StrCat("trained_", GetParam()));
  TrainableDecoder decoder(ConfigForTest(GetParam()), 3);
  Disturb(&decoder);
  ASSERT_TRUE(SaveModel(decoder, TokenizerForTest(), folder.path()).ok());
  const Rows expected = LogitsForTest(decoder);
  for (const std::string& path : {folder.path(), folder.path() + "/model.gguf"}) {
    const auto file = ModelFile::Open(path);
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    ModelRunner runner(**file, {});
    ASSERT_TRUE(runner.status().ok()) << runner.status().ToString();
    EXPECT_LT(RelativeL2(runner.Prefill(TokensForTest(), 40), expected), 1e-5) << path;
  }
}

TEST_P(TrainedModelTest, ModelsAreReadBackToTheBit) {
  const TempFolder folder(StrCat("reread_", GetParam()));
  TrainableDecoder decoder(ConfigForTest(GetParam()), 3);
  Disturb(&decoder);
  ASSERT_TRUE(SaveModel(decoder, TokenizerForTest(), folder.path()).ok());
  for (const std::string& path : {folder.path(), folder.path() + "/model.gguf"}) {
    const auto model = TrainedModel::Open(path);
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    EXPECT_EQ(model->decoder->config(), decoder.config());
    for (size_t i = 0; i < decoder.parameters().size(); ++i) {
      EXPECT_TRUE(at::equal(model->decoder->parameters()[i].value, decoder.parameters()[i].value))
          << path << " " << decoder.parameters()[i].name;
    }
    EXPECT_EQ(model->text.tokenizer->Encode("turn on the light", {}),
              TokenizerForTest().tokenizer->Encode("turn on the light", {}));
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
  const TokenizerPart a = TokenizerForTest(), b = TokenizerForTest();
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

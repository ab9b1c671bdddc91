// Small models with a tokenizer for the tests of this folder, and their logits.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "training/tokenizer_metadata.h"
#include "training/trained_model.h"

namespace autoglm {

inline constexpr int kVocabForTest = 300;

/// 3 layers of 64; GLM shapes turn half of a head, ChatGLM's and Llama's have biases, ChatGLM's and
/// Qwen3's tied embeddings.
inline DecoderConfig ConfigForTest(const std::string& architecture) {
  DecoderConfig config;
  config.architecture = architecture;
  config.vocab_size = kVocabForTest;
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

inline TokenizerPart TokenizerForTest() {
  auto trainer = BpeTrainer::Create("llama-bpe", true);
  if (!trainer->Add("turn on the light, turn off the radio and the light again").ok()) return {};
  const SpecialTokens special = DefaultSpecialTokens();
  const auto vocabulary = trainer->Train(
      {.vocab_size = kVocabForTest - static_cast<int>(special.names.size()), .min_count = 1});
  auto metadata = std::make_unique<Metadata>();
  WriteTokenizerMetadata(*vocabulary, special, metadata.get());
  return std::move(TokenizerPart::Create(std::move(metadata))).value();
}

/// Biases and norms that differ from their neutral values, so that a mistake in them shows.
inline void Disturb(TrainableDecoder* decoder) {
  const at::NoGradGuard no_grad;
  at::manual_seed(5);
  for (Parameter& p : decoder->parameters()) {
    if (!p.is_matrix) p.value.add_(at::randn(p.value.sizes()) * 0.2);
  }
}

inline std::vector<int32_t> TokensForTest() {
  std::vector<int32_t> tokens;
  for (int i = 0; i < 40; ++i) tokens.push_back(i * 37 % kVocabForTest);
  return tokens;
}

/// All positions but the first are predicted; the last target is token 0.
inline ExampleSet ExamplesForTest() {
  std::vector<int32_t> tokens = TokensForTest();
  tokens.push_back(0);
  ExampleSet examples;
  examples.Add(tokens, 1);
  return examples;
}

/// [tokens][vocab_size].
inline std::vector<std::vector<float>> LogitsForTest(const TrainableDecoder& decoder) {
  const at::NoGradGuard no_grad;
  const at::Tensor logits = decoder.Logits(MakeBatch(ExamplesForTest(), std::vector<int>{0}));
  std::vector<std::vector<float>> rows;
  for (int64_t i = 0; i < logits.size(0); ++i) {
    const float* row = logits.data_ptr<float>() + i * logits.size(1);
    rows.emplace_back(row, row + logits.size(1));
  }
  return rows;
}

}  // namespace autoglm

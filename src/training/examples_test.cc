#include "training/examples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "formats/safetensors_bytes_for_test.h"
#include "training/tokenizer_metadata.h"

namespace autoglm {
namespace {

ExampleSet SetOfLengths(const std::vector<int>& lengths) {
  ExampleSet examples;
  for (const int n : lengths) {
    std::vector<int32_t> tokens(static_cast<size_t>(n) + 1);
    for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = n * 100 + static_cast<int32_t>(i);
    examples.Add(tokens, 1);
  }
  return examples;
}

std::vector<int> RandomLengths(int n) {
  std::vector<int> lengths;
  uint32_t state = 1;
  for (int i = 0; i < n; ++i) {
    state = state * 1664525u + 1013904223u;
    lengths.push_back(5 + static_cast<int>(state >> 24) % 60);
  }
  return lengths;
}

TEST(ExamplesTest, AnEpochVisitsEveryExampleOnceWithLittlePadding) {
  const ExampleSet examples = SetOfLengths(RandomLengths(5000));
  int64_t n_positions = 0, n_tokens = 0;
  std::multiset<int> seen;
  for (const auto& indices : EpochBatches(examples, 2048, 7, 3)) {
    const TokenBatch batch = MakeBatch(examples, indices);
    EXPECT_LE(batch.n_sequences * batch.n_positions, 2048);
    n_positions += static_cast<int64_t>(batch.tokens.size());
    n_tokens += batch.n_tokens;
    seen.insert(indices.begin(), indices.end());
  }
  ASSERT_EQ(seen.size(), 5000u);
  EXPECT_EQ(std::set<int>(seen.begin(), seen.end()).size(), 5000u);
  EXPECT_LT(static_cast<double>(n_positions), 1.03 * static_cast<double>(n_tokens));
}

TEST(ExamplesTest, TheOrderFollowsFromSeedAndEpoch) {
  const ExampleSet examples = SetOfLengths(RandomLengths(300));
  EXPECT_EQ(EpochBatches(examples, 512, 1, 0), EpochBatches(examples, 512, 1, 0));
  EXPECT_NE(EpochBatches(examples, 512, 1, 0), EpochBatches(examples, 512, 1, 1));
  EXPECT_NE(EpochBatches(examples, 512, 1, 0), EpochBatches(examples, 512, 2, 0));
}

TEST(ExamplesTest, OnlyWhatIsNotGivenIsScored) {
  ExampleSet examples;
  examples.Add(std::vector<int32_t>{10, 11, 12, 13, 14}, 3);
  examples.Add(std::vector<int32_t>{20, 21, 22}, 1);
  const TokenBatch batch = MakeBatch(examples, std::vector<int>{0, 1});
  EXPECT_EQ(batch.n_positions, 4);
  EXPECT_EQ(batch.tokens, (std::vector<int32_t>{10, 11, 12, 13, 20, 21, 0, 0}));
  EXPECT_EQ(batch.scored_rows, (std::vector<int32_t>{2, 3, 4, 5}));
  EXPECT_EQ(batch.targets, (std::vector<int32_t>{13, 14, 21, 22}));
  EXPECT_EQ(batch.n_tokens, 6);
  EXPECT_EQ(examples.n_scored(), 4);
}

class EncodedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto trainer = BpeTrainer::Create("llama-bpe", true);
    ASSERT_TRUE(trainer->Add("turn on the light").ok());
    const SpecialTokens special = DefaultSpecialTokens();
    WriteTokenizerMetadata(*trainer->Train({.vocab_size = 300, .min_count = 1}), special,
                           &metadata_);
    tokenizer_ = std::move(Tokenizer::Create(metadata_)).value();
    template_.emplace(*ChatTemplate::Parse(special.chat_template));
  }

  Metadata metadata_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::optional<ChatTemplate> template_;
};

TEST_F(EncodedTest, APairIsTheRenderedPromptAndTheAnswerWithItsEnd) {
  TextData data;
  data.pairs = {{"turn on", "the light"}, {std::string(200, 'x'), "too long"}};
  LeftOut left_out;
  const auto examples = EncodeExamples(data, *tokenizer_, &*template_, nullptr, 64, &left_out);
  ASSERT_TRUE(examples.ok()) << examples.status().ToString();
  ASSERT_EQ(examples->size(), 1);
  EXPECT_EQ(left_out.too_long, 1);
  const auto tokens = examples->tokens(0);
  EXPECT_EQ(tokenizer_->Decode(tokens, true), "<|user|>turn on<|assistant|>the light<|endoftext|>");
  EXPECT_EQ(tokenizer_->Decode(tokens.first(static_cast<size_t>(examples->n_given(0))), true),
            "<|user|>turn on<|assistant|>");
}

TEST_F(EncodedTest, WindowsOfATextPredictEveryTokenButTheFirst) {
  TextData data;
  data.text = "turn on the light, turn on the light, turn on the light";
  LeftOut left_out;
  const auto examples = EncodeExamples(data, *tokenizer_, nullptr, nullptr, 4, &left_out);
  ASSERT_TRUE(examples.ok());
  const auto all = tokenizer_->Encode(data.text, {});
  EXPECT_EQ(examples->n_scored(), static_cast<int64_t>(all.size()) - 1);
}

TEST_F(EncodedTest, PairsWithoutATemplateAndPairsThatNeverFitAreRefused) {
  TextData data;
  data.pairs = {{"turn on", "the light"}};
  LeftOut left_out;
  EXPECT_EQ(EncodeExamples(data, *tokenizer_, nullptr, nullptr, 64, &left_out).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(EncodeExamples(data, *tokenizer_, &*template_, nullptr, 2, &left_out).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(TextDataTest, FilesAreKnownByTheirContent) {
  const TempFolder folder("text_data");
  const auto pairs = ReadTextData(folder.Put(
      "a.txt", "{\"prompt\": \"p\", \"answer\": \"a\"}\n\n{\"prompt\": \"q\", \"answer\": \"b\"}"));
  ASSERT_TRUE(pairs.ok()) << pairs.status().ToString();
  ASSERT_EQ(pairs->pairs.size(), 2u);
  EXPECT_EQ(pairs->pairs[1].answer, "b");
  const auto text = ReadTextData(folder.Put("b.jsonl", "Once upon a time"));
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->text, "Once upon a time");
}

TEST(TextDataTest, WhatIsWrongIsNamedWithFileAndLine) {
  const TempFolder folder("text_data_wrong");
  const auto message = [&](const std::string& content) {
    return ReadTextData(folder.Put("data", content)).status().message();
  };
  EXPECT_NE(message("").find("is empty"), std::string::npos);
  EXPECT_NE(message(" \n\n").find("is empty"), std::string::npos);
  EXPECT_NE(message("ab\xFF").find("not UTF-8"), std::string::npos);
  EXPECT_NE(message("{\"prompt\":\"p\",\"answer\":\"a\"}\n{\"prompt\":\"p\"}").find("line 2"),
            std::string::npos);
  EXPECT_EQ(ReadTextData(folder.path() + "/none").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace autoglm

#include "training/bpe_trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "text/tokenizer.h"
#include "training/tokenizer_metadata.h"

namespace autoglm {
namespace {

BpeVocabulary Trained(const std::vector<std::string>& texts, int vocab_size,
                      bool classes_apart = true) {
  auto trainer = BpeTrainer::Create("llama-bpe", classes_apart);
  EXPECT_TRUE(trainer.ok());
  for (const std::string& text : texts) EXPECT_TRUE(trainer->Add(text).ok());
  auto vocabulary = trainer->Train({.vocab_size = vocab_size});
  EXPECT_TRUE(vocabulary.ok()) << vocabulary.status().ToString();
  return std::move(vocabulary).value();
}

bool Has(const BpeVocabulary& vocabulary, const std::string& token) {
  return std::count(vocabulary.tokens.begin(), vocabulary.tokens.end(), token) > 0;
}

TEST(BpeTrainerTest, TheMostFrequentPairsAreMergedFirst) {
  // Pairs: lo 7, ow 7, es 9, st 9, we 8 ...: "es" wins by count, then "est", then "lo", "low".
  const std::vector<std::string> words = {"low", "lower", "newest", "widest"};
  const int counts[] = {5, 2, 6, 3};
  std::vector<std::string> texts;
  for (size_t i = 0; i < words.size(); ++i) texts.insert(texts.end(), counts[i], words[i]);
  const BpeVocabulary vocabulary = Trained(texts, 260);
  ASSERT_EQ(vocabulary.tokens.size(), 260u);
  EXPECT_EQ(vocabulary.tokens[256], "es");
  EXPECT_EQ(vocabulary.tokens[257], "est");
  EXPECT_EQ(vocabulary.tokens[258], "lo");
  EXPECT_EQ(vocabulary.tokens[259], "low");
}

TEST(BpeTrainerTest, NoMergeJoinsClassesOfCharacters) {
  std::vector<std::string> texts(50, "call \"Mama\" at 1200, 打开WiFi打开 call, \"Mama\"");
  const BpeVocabulary vocabulary = Trained(texts, 2000);
  EXPECT_TRUE(Has(vocabulary, "Mama"));
  EXPECT_TRUE(Has(vocabulary, "WiFi"));
  EXPECT_TRUE(Has(vocabulary, "打"));
  EXPECT_TRUE(Has(vocabulary, ",") && !Has(vocabulary, "打开"));
  for (const char* joined : {" call", "\"Mama", "12", " \"", "开WiFi"}) {
    EXPECT_FALSE(Has(vocabulary, joined)) << joined;
  }
  EXPECT_TRUE(Has(Trained(texts, 2000, false), " call"));
}

TEST(BpeTrainerTest, AWordIsTheSameTokensWhereverItStands) {
  std::vector<std::string> texts(20, "navigate to Springfield, then play Spring songs in fields");
  Metadata metadata;
  WriteTokenizerMetadata(Trained(texts, 320), DefaultSpecialTokens(), &metadata);
  const auto tokenizer = Tokenizer::Create(metadata);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  const auto word = (*tokenizer)->Encode("Springfield", {});
  for (const char* around :
       {"to Springfield", "\"Springfield\"", "去Springfield吧", "3Springfield"}) {
    const auto ids = (*tokenizer)->Encode(around, {});
    EXPECT_NE(std::search(ids.begin(), ids.end(), word.begin(), word.end()), ids.end()) << around;
    EXPECT_EQ((*tokenizer)->Decode(ids, false), around);
  }
}

TEST(BpeTrainerTest, TheOrderOfTheTextsDoesNotMatter) {
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i) texts.push_back("word" + std::to_string(i * 7919 % 1000) + " tail");
  const BpeVocabulary forward = Trained(texts, 300);
  std::reverse(texts.begin(), texts.end());
  const BpeVocabulary backward = Trained(texts, 300);
  EXPECT_EQ(forward.tokens, backward.tokens);
  EXPECT_EQ(forward.merges, backward.merges);
}

TEST(BpeTrainerTest, WhatCannotBeLearnedFromIsRefused) {
  EXPECT_EQ(BpeTrainer::Create("nonsense", true).status().code(), StatusCode::kInvalidArgument);
  auto trainer = BpeTrainer::Create("llama-bpe", true);
  EXPECT_EQ(trainer->Train({}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(trainer->Add("\xFF\xFE").code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(trainer->Add("text").ok());
  EXPECT_EQ(trainer->Train({.vocab_size = 100}).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace autoglm

#include "sampling/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace autoglm {
namespace {

Sampler MakeSampler(const SamplingParams& params, int32_t vocab_size) {
  auto sampler = Sampler::Create(params, vocab_size);
  EXPECT_TRUE(sampler.ok()) << sampler.status().ToString();
  return std::move(sampler).value();
}

SamplingParams Greedy() {
  SamplingParams params;
  params.temperature = 0;
  return params;
}

int32_t Pick(Sampler& sampler, std::vector<float> logits) {
  const Result<int32_t> id = sampler.Sample(logits);
  EXPECT_TRUE(id.ok()) << id.status().ToString();
  return id.ok() ? *id : -1;
}

std::vector<int32_t> Ids(Sampler& sampler, std::vector<float> logits) {
  std::vector<TokenProbability> distribution;
  EXPECT_TRUE(sampler.Distribution(logits, &distribution).ok());
  std::vector<int32_t> ids;
  for (const TokenProbability& t : distribution) ids.push_back(t.id);
  return ids;
}

// Logits that need no library function, so that they are the same everywhere.
std::vector<float> MakeLogits(size_t n, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> logits(n);
  for (float& l : logits) l = static_cast<float>(rng.NextDouble() * 10 - 5);
  return logits;
}

TEST(Sampler, GreedyTakesTheLargestAndOfEqualsTheLowestId) {
  Sampler sampler = MakeSampler(Greedy(), 5);
  EXPECT_EQ(Pick(sampler, {1, 3, -INFINITY, 3, 2}), 1);
  EXPECT_EQ(Pick(sampler, {-3, -2, -INFINITY, -9, -1}), 4);
}

TEST(Sampler, GreedyHeedsBiasAndPenaltiesButNoFilter) {
  SamplingParams params = Greedy();
  params.logit_bias = {{2, 4.0f}};
  params.repetition_penalty = 2;
  params.typical_p = 0.01f;  // alone it would remove the likeliest token
  Sampler sampler = MakeSampler(params, 3);
  EXPECT_EQ(Pick(sampler, {3, 2, 0}), 2);
  sampler.Accept(2);
  EXPECT_EQ(Pick(sampler, {3, 2, 0}), 0);
}

TEST(Sampler, RepetitionPenaltyDividesPositiveAndMultipliesNegativeLogits) {
  SamplingParams params = Greedy();
  params.repetition_penalty = 2;
  Sampler sampler = MakeSampler(params, 2);
  sampler.Accept(0);
  sampler.Accept(0);  // counts once
  EXPECT_EQ(Pick(sampler, {4, 1.9f}), 0);
  EXPECT_EQ(Pick(sampler, {4, 2.1f}), 1);
  EXPECT_EQ(Pick(sampler, {-4, -8.1f}), 0);
  EXPECT_EQ(Pick(sampler, {-4, -7.9f}), 1);
}

TEST(Sampler, FrequencyPenaltyCountsAndPresencePenaltyDoesNot) {
  SamplingParams params = Greedy();
  params.presence_penalty = 1;
  params.frequency_penalty = 0.5f;
  Sampler sampler = MakeSampler(params, 2);
  for (int i = 0; i < 3; ++i) sampler.Accept(0);
  EXPECT_EQ(Pick(sampler, {2.6f, 0}), 0);  // 3 * 0.5 + 1 = 2.5
  EXPECT_EQ(Pick(sampler, {2.4f, 0}), 1);
}

TEST(Sampler, PenaltiesLookAtTheLastTokensOnly) {
  SamplingParams params = Greedy();
  params.presence_penalty = 1;
  params.penalty_last_n = 2;
  Sampler sampler = MakeSampler(params, 3);
  sampler.Accept(0);
  sampler.Accept(1);
  EXPECT_EQ(Pick(sampler, {0.5f, 0, 0}), 2);
  sampler.Accept(1);  // 0 leaves the window
  EXPECT_EQ(Pick(sampler, {0.5f, 0, 0}), 0);
}

TEST(Sampler, ABiasOfMinusInfinityForbidsAToken) {
  SamplingParams params = Greedy();
  params.logit_bias = {{0, -INFINITY}};
  Sampler sampler = MakeSampler(params, 2);
  EXPECT_EQ(Pick(sampler, {99, -99}), 1);
}

TEST(Sampler, TopKKeepsExactlyKOfEquals) {
  SamplingParams params;
  params.top_k = 3;
  Sampler sampler = MakeSampler(params, 6);
  EXPECT_EQ(Ids(sampler, {1, 2, 2, 2, 2, 5}), (std::vector<int32_t>{1, 2, 5}));
  EXPECT_EQ(Ids(sampler, {7, 7, 7, 7, 7, 7}), (std::vector<int32_t>{0, 1, 2}));
}

TEST(Sampler, TopKAgreesWithSortingForEveryK) {
  std::vector<float> logits = MakeLogits(5000, 1);
  for (float& l : logits) l = std::floor(l * 100) / 100;  // makes equals
  std::vector<int32_t> order(logits.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int32_t>(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
  for (const int32_t k : {1, 2, 40, 1023, 1024, 2500, 4999}) {
    SamplingParams params;
    params.top_k = k;
    Sampler sampler = MakeSampler(params, 5000);
    std::vector<int32_t> expected(order.begin(), order.begin() + k);
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(Ids(sampler, logits), expected) << "k = " << k;
  }
}

TEST(Sampler, TopPOfZeroKeepsTheLikeliestToken) {
  SamplingParams params;
  params.top_p = 0;
  Sampler sampler = MakeSampler(params, 4);
  EXPECT_EQ(Ids(sampler, {1, 2, 2, -5}), (std::vector<int32_t>{1}));
}

TEST(Sampler, TypicalPCanRemoveTheLikeliestTokenEvenAtALowTemperature) {
  SamplingParams params;
  params.typical_p = 0.25f;
  params.temperature = 0.001f;
  Sampler sampler = MakeSampler(params, 21);
  std::vector<float> logits(21, 0.0f);  // one of probability 1/3, and twenty of 1/30
  logits[7] = std::log(10.0f);
  const std::vector<int32_t> ids = Ids(sampler, logits);
  EXPECT_EQ(ids.size(), 8u);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 7), 0);
  EXPECT_NE(Pick(sampler, logits), 7);
}

TEST(Sampler, ExtremeTemperaturesGiveTheirLimits) {
  SamplingParams params;
  params.temperature = 1e-45f;
  Sampler cold = MakeSampler(params, 3);
  EXPECT_EQ(Ids(cold, {1, 1.0001f, -INFINITY}), (std::vector<int32_t>{1}));
  params.temperature = 1e38f;
  Sampler hot = MakeSampler(params, 3);
  std::vector<float> logits = {1, 80, -INFINITY};
  std::vector<TokenProbability> distribution;
  ASSERT_TRUE(hot.Distribution(logits, &distribution).ok());
  ASSERT_EQ(distribution.size(), 2u);
  EXPECT_EQ(distribution[0].probability, 0.5f);
}

// The ids were recorded once; they change only if the generator, the chain or the draw does, and
// then texts made from a known seed change with them.
TEST(Sampler, TheSameSeedGivesTheSameTokensOnEveryPlatform) {
  SamplingParams params;
  params.seed = 42;
  params.top_k = 50;
  params.top_p = 0.95f;
  params.temperature = 0.8f;
  Sampler sampler = MakeSampler(params, 1000);
  std::vector<int32_t> ids;
  for (uint64_t i = 0; i < 12; ++i) ids.push_back(Pick(sampler, MakeLogits(1000, 100 + i)));
  EXPECT_EQ(ids,
            (std::vector<int32_t>{124, 380, 658, 972, 991, 850, 843, 838, 711, 579, 554, 332}));
}

TEST(Sampler, ResetStartsTheSameSequenceAndForgetsTheText) {
  SamplingParams params;
  params.seed = 5;
  params.frequency_penalty = 1;
  Sampler sampler = MakeSampler(params, 300);
  const std::vector<float> logits = MakeLogits(300, 2);
  const auto draw_text = [&] {
    std::vector<int32_t> ids;
    for (int i = 0; i < 50; ++i) {
      ids.push_back(Pick(sampler, logits));
      sampler.Accept(ids.back());
    }
    return ids;
  };
  const std::vector<int32_t> first = draw_text();
  EXPECT_NE(draw_text(), first);
  sampler.Reset();
  EXPECT_EQ(draw_text(), first);
}

TEST(Sampler, ACopyContinuesTheSameSequenceAndReseedPartsThem) {
  SamplingParams params;
  params.presence_penalty = 2;
  Sampler sampler = MakeSampler(params, 300);
  const std::vector<float> logits = MakeLogits(300, 3);
  sampler.Accept(Pick(sampler, logits));
  Sampler copy = sampler;
  Sampler other = MakeSampler(SamplingParams(), 300);
  other = sampler;
  other.Reseed(99);
  std::vector<int32_t> ids, copy_ids, other_ids;
  for (int i = 0; i < 20; ++i) {
    ids.push_back(Pick(sampler, logits));
    copy_ids.push_back(Pick(copy, logits));
    other_ids.push_back(Pick(other, logits));
    sampler.Accept(ids.back());
    copy.Accept(copy_ids.back());
  }
  EXPECT_EQ(copy_ids, ids);
  EXPECT_NE(other_ids, ids);
}

TEST(Sampler, ANanOrInfinityIsRefusedByTokenId) {
  for (const float bad : {static_cast<float>(NAN), static_cast<float>(INFINITY)}) {
    for (const float temperature : {0.0f, 1.0f}) {
      SamplingParams params;
      params.temperature = temperature;
      params.top_k = 5;
      Sampler sampler = MakeSampler(params, 40);
      std::vector<float> logits(40, 1.0f);
      logits[33] = bad;
      const Status status = sampler.Sample(logits).status();
      EXPECT_EQ(status.code(), StatusCode::kDataLoss);
      EXPECT_NE(status.message().find("token 33"), std::string::npos) << status.message();
    }
  }
}

TEST(Sampler, ARowThatForbidsEverythingIsRefused) {
  Sampler sampler = MakeSampler(SamplingParams(), 3);
  std::vector<float> logits(3, -INFINITY);
  EXPECT_EQ(sampler.Sample(logits).status().code(), StatusCode::kFailedPrecondition);
  logits[1] = -1e38f;
  EXPECT_EQ(sampler.Sample(logits).value(), 1);
}

TEST(Sampler, ARowOfTheWrongSizeIsRefused) {
  Sampler sampler = MakeSampler(SamplingParams(), 3);
  std::vector<float> logits(2);
  EXPECT_EQ(sampler.Sample(logits).status().code(), StatusCode::kInvalidArgument);
  SampledToken token;
  EXPECT_EQ(sampler.SampleWithLogprobs({}, 2, &token).code(), StatusCode::kInvalidArgument);
}

TEST(Sampler, IdsOutsideTheVocabularyAreIgnoredByAccept) {
  SamplingParams params = Greedy();
  params.presence_penalty = 1;
  Sampler sampler = MakeSampler(params, 2);
  for (const int32_t id : {-1, 2, INT32_MAX, INT32_MIN}) sampler.Accept(id);
  EXPECT_EQ(Pick(sampler, {0.5f, 0}), 0);
}

TEST(Sampler, LogprobsAreThoseOfTheModelWhateverTheParameters) {
  SamplingParams params;
  params.temperature = 0.1f;
  params.top_k = 1;
  params.logit_bias = {{3, 50.0f}};
  Sampler sampler = MakeSampler(params, 4);
  const float ln2 = std::log(2.0f);
  std::vector<float> logits = {3 * ln2, 2 * ln2, 2 * ln2, -INFINITY};  // 1/2, 1/4, 1/4, 0
  SampledToken token;
  ASSERT_TRUE(sampler.SampleWithLogprobs(logits, 2, &token).ok());
  EXPECT_EQ(token.id, 0);
  EXPECT_NEAR(token.logprob, std::log(0.5f), 1e-6);
  ASSERT_EQ(token.top_logprobs.size(), 2u);
  EXPECT_EQ(token.top_logprobs[0].id, 0);
  EXPECT_EQ(token.top_logprobs[1].id, 1);
  EXPECT_NEAR(token.top_logprobs[1].logprob, std::log(0.25f), 1e-6);
}

TEST(Sampler, AskingForMoreLogprobsThanTokensGivesAll) {
  Sampler sampler = MakeSampler(SamplingParams(), 3);
  std::vector<float> logits = {1, 3, 2};
  SampledToken token;
  ASSERT_TRUE(sampler.SampleWithLogprobs(logits, 20, &token).ok());
  ASSERT_EQ(token.top_logprobs.size(), 3u);
  EXPECT_EQ(token.top_logprobs[0].id, 1);
  EXPECT_EQ(token.top_logprobs[2].id, 0);
}

class OnlyEvenIds : public LogitTransform {
 public:
  void Apply(CandidateList& candidates) override {
    const std::span<float> logits = candidates.mutable_logits();
    for (size_t id = 1; id < logits.size(); id += 2) logits[id] = -INFINITY;
  }
  std::unique_ptr<LogitTransform> Clone() const override {
    return std::make_unique<OnlyEvenIds>(*this);
  }
};

TEST(Sampler, AConstraintHoldsUnderGreedyAndBeforeTheFilters) {
  Sampler greedy = MakeSampler(Greedy(), 4);
  greedy.AddConstraint(std::make_unique<OnlyEvenIds>());
  EXPECT_EQ(Pick(greedy, {1, 9, 2, 9}), 2);
  SamplingParams params;
  params.top_k = 2;
  Sampler sampler = MakeSampler(params, 4);
  sampler.AddConstraint(std::make_unique<OnlyEvenIds>());
  Sampler copy = sampler;
  EXPECT_EQ(Ids(copy, {1, 9, 2, 9}), (std::vector<int32_t>{0, 2}));
}

}  // namespace
}  // namespace autoglm

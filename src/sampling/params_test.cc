#include "sampling/params.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "sampling/stage.h"

namespace autoglm {
namespace {

constexpr int32_t kVocabSize = 100;

struct BadField {
  const char* field;
  const char* value;
  std::function<void(SamplingParams&)> set;
};

const BadField kBadFields[] = {
    {"temperature", "-0.5", [](auto& p) { p.temperature = -0.5f; }},
    {"temperature", "nan", [](auto& p) { p.temperature = NAN; }},
    {"temperature", "inf", [](auto& p) { p.temperature = INFINITY; }},
    {"top_k", "-1", [](auto& p) { p.top_k = -1; }},
    {"top_p", "1.5", [](auto& p) { p.top_p = 1.5f; }},
    {"top_p", "nan", [](auto& p) { p.top_p = NAN; }},
    {"min_p", "-0.25", [](auto& p) { p.min_p = -0.25f; }},
    {"min_p", "nan", [](auto& p) { p.min_p = NAN; }},
    {"typical_p", "0", [](auto& p) { p.typical_p = 0; }},
    {"typical_p", "nan", [](auto& p) { p.typical_p = NAN; }},
    {"repetition_penalty", "0", [](auto& p) { p.repetition_penalty = 0; }},
    {"repetition_penalty", "nan", [](auto& p) { p.repetition_penalty = NAN; }},
    {"presence_penalty", "2.5", [](auto& p) { p.presence_penalty = 2.5f; }},
    {"presence_penalty", "nan", [](auto& p) { p.presence_penalty = NAN; }},
    {"frequency_penalty", "-2.5", [](auto& p) { p.frequency_penalty = -2.5f; }},
    {"frequency_penalty", "nan", [](auto& p) { p.frequency_penalty = NAN; }},
    {"penalty_last_n", "-2", [](auto& p) { p.penalty_last_n = -2; }},
    {"logit_bias", "100",
     [](auto& p) {
       p.logit_bias = {{100, 1.0f}};
     }},
    {"logit_bias", "-1",
     [](auto& p) {
       p.logit_bias = {{3, 1.0f}, {-1, 1.0f}};
     }},
    {"logit_bias of token 3", "100.5",
     [](auto& p) {
       p.logit_bias = {{3, 100.5f}};
     }},
    {"logit_bias of token 3", "inf",
     [](auto& p) {
       p.logit_bias = {{3, INFINITY}};
     }},
    {"logit_bias of token 3", "nan",
     [](auto& p) {
       p.logit_bias = {{3, NAN}};
     }},
};

TEST(SamplingParams, DefaultsAreValidAndSwitchEveryStageOff) {
  EXPECT_TRUE(Validate(SamplingParams(), kVocabSize).ok());
  ASSERT_FALSE(AllSamplerStages().empty());
  for (const SamplerStage* stage : AllSamplerStages()) {
    EXPECT_EQ(stage->make(SamplingParams(), kVocabSize), nullptr) << stage->name;
  }
}

TEST(SamplingParams, AValueOutOfRangeIsRefusedByNameValueAndRange) {
  for (const BadField& bad : kBadFields) {
    SamplingParams params;
    bad.set(params);
    const Status status = Validate(params, kVocabSize);
    EXPECT_EQ(status.code(), StatusCode::kOutOfRange) << bad.field;
    const std::string expected = StrCat(bad.field, " is ", bad.value, "; it must be ");
    EXPECT_NE(status.message().find(expected), std::string::npos)
        << status.message() << " lacks '" << expected << "'";
  }
}

TEST(SamplingParams, TheEdgesOfTheRangesAreAccepted) {
  SamplingParams low;
  low.temperature = 0, low.top_k = 0, low.top_p = 0, low.min_p = 0, low.typical_p = 1e-6f;
  low.repetition_penalty = 0.01f, low.presence_penalty = -2, low.frequency_penalty = -2;
  low.penalty_last_n = -1;
  low.logit_bias = {{0, -INFINITY}, {kVocabSize - 1, -100.0f}};
  EXPECT_TRUE(Validate(low, kVocabSize).ok()) << Validate(low, kVocabSize).ToString();
  SamplingParams high;
  high.temperature = 1e30f, high.top_k = INT32_MAX, high.top_p = 1, high.min_p = 1;
  high.repetition_penalty = 100, high.presence_penalty = 2, high.frequency_penalty = 2;
  high.penalty_last_n = INT32_MAX;
  high.logit_bias = {{0, 100.0f}};
  EXPECT_TRUE(Validate(high, kVocabSize).ok()) << Validate(high, kVocabSize).ToString();
}

TEST(SamplingParams, AVocabularyWithoutTokensIsRefused) {
  EXPECT_EQ(Validate(SamplingParams(), 0).code(), StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace autoglm

#include "training/answer_choices.h"

#include <gtest/gtest.h>

#include "training/models_for_test.h"
#include "training/ops.h"

namespace autoglm {
namespace {

class AnswerChoicesTest : public ::testing::Test {
 protected:
  std::vector<int32_t> Answer(const std::string& text) const {
    auto ids = text_.tokenizer->Encode(text, {.add_special = false, .parse_special = false});
    ids.push_back(text_.tokenizer->eos_id());
    return ids;
  }
  std::string Text(int32_t id) const { return std::string(text_.tokenizer->TokenBytes(id)); }

  const TokenizerPart text_ = TokenizerForTest();
};

TEST_F(AnswerChoicesTest, OnlyTokensWithAlternativesAreLeftToTheModel) {
  const auto grammar =
      AnswerChoices::Create(R"(root ::= "turn " ("on" | "off") " the light")", *text_.tokenizer);
  ASSERT_TRUE(grammar.ok()) << grammar.status().ToString();
  const auto answer = Answer("turn off the light");
  const auto choices = grammar->For("any", answer);
  ASSERT_TRUE(choices.ok()) << choices.status().ToString();
  ASSERT_EQ(choices->ends.size(), answer.size());
  std::string decided;
  for (size_t i = 0; i < answer.size(); ++i) {
    const auto list = choices->at(i);
    EXPECT_NE(std::find(list.begin(), list.end(), answer[i]), list.end()) << i;
    if (list.size() > 1) decided += Text(answer[i]);
  }
  EXPECT_EQ(decided, "off");
}

TEST_F(AnswerChoicesTest, ActionsCopyFromTheSentenceTheyAnswer) {
  const auto grammar = AnswerChoices::Create("phone_actions", *text_.tokenizer);
  ASSERT_TRUE(grammar.ok()) << grammar.status().ToString();
  const auto answer = Answer(R"(do(action="Call", contact="Anna"))");
  EXPECT_TRUE(grammar->For("call Anna now", answer).ok());
  const auto other = grammar->For("call Tom now", answer);
  EXPECT_EQ(other.status().code(), StatusCode::kInvalidArgument);
}

TEST_F(AnswerChoicesTest, FreeTextIsAnyToken) {
  const auto grammar = AnswerChoices::Create("root ::= [^x]*", *text_.tokenizer);
  ASSERT_TRUE(grammar.ok()) << grammar.status().ToString();
  const auto choices = grammar->For("", Answer("turn"));
  ASSERT_TRUE(choices.ok()) << choices.status().ToString();
  for (size_t i = 0; i < choices->ends.size(); ++i) EXPECT_TRUE(choices->at(i).empty());
}

TEST_F(AnswerChoicesTest, UnknownNamesAndRulesThatAreNoneAreRefused) {
  EXPECT_EQ(AnswerChoices::Create("no such grammar", *text_.tokenizer).status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(AnswerChoices::Create("root ::= (", *text_.tokenizer).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(AnswerChoicesTest, PairsAreEncodedWithTheirChoices) {
  TextData data;
  data.pairs = {{"the light again", "turn on"}, {"it", "turn around"}, {"the radio", "turn off"}};
  const auto grammar =
      AnswerChoices::Create(R"(root ::= "turn " ("on" | "off"))", *text_.tokenizer);
  ASSERT_TRUE(grammar.ok());
  LeftOut left_out;
  const auto examples =
      EncodeExamples(data, *text_.tokenizer, &*text_.chat_template, &*grammar, 64, &left_out);
  ASSERT_TRUE(examples.ok()) << examples.status().ToString();
  EXPECT_EQ(examples->size(), 2);
  EXPECT_EQ(left_out.outside_grammar, 1);
  EXPECT_EQ(left_out.outside_example, "turn around");
  const TokenBatch batch = MakeBatch(*examples, std::vector<int>{1});
  EXPECT_EQ(static_cast<int64_t>(batch.targets.size()) * 2, examples->n_scored());
  std::string decided;
  for (const int32_t id : batch.targets) decided += Text(id);
  EXPECT_EQ(decided, "off");
  EXPECT_EQ(batch.choices.ends.size(), batch.targets.size());

  data.pairs = {{"it", "turn around"}};
  EXPECT_EQ(EncodeExamples(data, *text_.tokenizer, &*text_.chat_template, &*grammar, 64, &left_out)
                .status()
                .code(),
            StatusCode::kInvalidArgument);
  TextData text;
  text.text = "turn on the light";
  EXPECT_EQ(
      EncodeExamples(text, *text_.tokenizer, nullptr, &*grammar, 64, &left_out).status().code(),
      StatusCode::kInvalidArgument);
}

TEST(ChoicesTest, ProbabilityIsSharedAmongTheChoicesAlone) {
  ExampleSet examples;
  TokenChoices choices;
  choices.Add(std::vector<int32_t>{3, 7});
  choices.Add(std::vector<int32_t>{9});  // forced: not scored
  choices.Add(std::vector<int32_t>{});   // any
  examples.Add(std::vector<int32_t>{1, 2, 7, 9, 4}, 2, &choices);
  EXPECT_EQ(examples.n_scored(), 2);
  const TokenBatch batch = MakeBatch(examples, std::vector<int>{0});
  EXPECT_EQ(batch.targets, (std::vector<int32_t>{7, 4}));
  const at::NoGradGuard no_grad;
  const TrainableDecoder decoder(ConfigForTest("chatglm"), 3);
  TokenBatch free = batch;
  free.choices = {};
  const at::Tensor with = decoder.Logits(batch), without = decoder.Logits(free);
  const at::Tensor two = at::softmax(without[0].index_select(0, at::tensor({3, 7})), 0);
  EXPECT_NEAR(at::softmax(with[0], 0)[7].item<float>(), two[1].item<float>(), 1e-3);
  EXPECT_TRUE(at::equal(with[1], without[1]));
  EXPECT_NEAR(CrossEntropy(with, batch.targets).item<float>() * 2,
              -two[1].log().item<float>() - at::log_softmax(without[1], 0)[4].item<float>(), 1e-3);
}

}  // namespace
}  // namespace autoglm

#include "compress/evaluate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "compress/mixed_types.h"
#include "compress/table.h"
#include "platform/file.h"
#include "tests/test_data.h"

namespace autoglm {
namespace {

TEST(DivergenceTest, IsThatOfTheDistributions) {
  // p = (1/2, 1/4, 1/4) and q = (1/4, 1/4, 1/2), each with another constant in its logits.
  const float ln2 = std::log(2.0f);
  const std::vector<float> p = {5 + ln2, 5, 5}, q = {-3, -3, -3 + ln2};
  EXPECT_NEAR(KlDivergence(p, q), 0.25 * std::log(2.0), 1e-6);
  EXPECT_EQ(KlDivergence(p, p), 0);
  DivergenceSums sums;
  for (int i = 0; i < 199; ++i) ASSERT_TRUE(sums.Add(p, p).ok());
  ASSERT_TRUE(sums.Add(p, q).ok());
  const Divergence divergence = sums.Summarize();
  EXPECT_EQ(divergence.n_scored, 200);
  EXPECT_NEAR(divergence.mean, 0.25 * std::log(2.0) / 200, 1e-8);
  EXPECT_EQ(divergence.p99, 0);
  EXPECT_DOUBLE_EQ(divergence.top1_agreement, 199.0 / 200);
  const std::vector<float> broken = {NAN, 0, 0};
  EXPECT_EQ(sums.Add(p, broken).code(), StatusCode::kDataLoss);
}

TEST(TasksTest, LinesAreReadAndWrongOnesAreNamed) {
  const auto tasks = ParseTasks(
      "{\"prompt\": \"a\", \"answer\": \"b\", \"id\": 3}\r\n\n"
      "{\"answer\":\"\\u660e\",\"prompt\":\"c\"}",
      "t.jsonl");
  ASSERT_TRUE(tasks.ok()) << tasks.status().ToString();
  ASSERT_EQ(tasks->size(), 2u);
  EXPECT_EQ((*tasks)[1].answer, "明");
  const auto message = [](const char* text) {
    const Status status = ParseTasks(text, "t.jsonl").status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  };
  EXPECT_NE(message("\n{\"prompt\": \"a\"}").find("t.jsonl, line 2"), std::string::npos);
  EXPECT_NE(message("[1]").find("not a JSON object"), std::string::npos);
  EXPECT_NE(message("{\"prompt\": \"\", \"answer\": \"\"}").find("prompt is empty"),
            std::string::npos);
  EXPECT_NE(message("\n \n").find("no tasks"), std::string::npos);
  EXPECT_TRUE(IsExactMatch(" do(x) \n", "do(x)"));
  EXPECT_FALSE(IsExactMatch("do(x).", "do(x)"));
}

TEST(BudgetTest, BitsGoWhereTheyGainMost) {
  const TensorOptions sensitive = {"a", 1, {{DType::kQ4_0, 10, 8}, {DType::kQ8_0, 20, 1}}};
  // Its middle lies above the line between its ends and is never worth it.
  const TensorOptions robust = {
      "b", 1, {{DType::kQ8_0, 30, 0}, {DType::kQ4_0, 10, 2}, {DType::kQ5_0, 20, 1.9}}};
  const auto types = [&](int64_t budget) {
    const auto chosen = ChooseWithinBudget({sensitive, robust}, budget);
    EXPECT_TRUE(chosen.ok());
    return std::pair(sensitive.options[(*chosen)[0]].dtype, robust.options[(*chosen)[1]].dtype);
  };
  EXPECT_EQ(types(20), std::pair(DType::kQ4_0, DType::kQ4_0));
  EXPECT_EQ(types(30), std::pair(DType::kQ8_0, DType::kQ4_0));
  EXPECT_EQ(types(49), std::pair(DType::kQ8_0, DType::kQ4_0));
  EXPECT_EQ(types(50), std::pair(DType::kQ8_0, DType::kQ8_0));
  EXPECT_EQ(ChooseWithinBudget({sensitive, robust}, 19).status().code(),
            StatusCode::kResourceExhausted);
}

TEST(TableTest, ColumnsAreEven) {
  EXPECT_EQ(FormatTable({"model", "ms"}, {{"a", "1.5"}, {"明白白白白", "12.25"}}),
            "| model |    ms |\n| ----- | ----: |\n| a     |   1.5 |\n| 明白白白白 | 12.25 |\n");
}

class EvaluateTest : public testing::Test {
 protected:
  void SetUp() override {
    model_ = TestDataPath("models/stories260K.gguf");
    const std::string text = TestDataPath("models/ppl_text.txt");
    if (model_.empty() || text.empty()) GTEST_SKIP() << "no external test data";
    options_.text = CalibrationText{ReadWholeFile(text, 1 << 20).value(), "text", 128, 2};
  }
  std::string model_;
  EvaluateOptions options_;
};

TEST_F(EvaluateTest, AModelDivergesFromAQuantizedOneAndNotFromItself) {
  const std::string quantized = TestDataPath("models/stories260K-ffn192-q4_0.gguf");
  options_.reference = model_;
  const auto itself = Evaluate(model_, options_);
  ASSERT_TRUE(itself.ok()) << itself.status().ToString();
  EXPECT_EQ(itself->text->divergence.mean, 0);
  EXPECT_EQ(itself->text->divergence.top1_agreement, 1);
  EXPECT_EQ(itself->n_parameters, 292800);
  EXPECT_GT(itself->latency_ms, 0);
  const auto other = Evaluate(quantized, options_);
  ASSERT_TRUE(other.ok()) << other.status().ToString();
  EXPECT_GT(other->text->divergence.mean, 0.001);
  EXPECT_LT(other->text->divergence.top1_agreement, 1);
  EXPECT_LT(other->file_bytes, itself->file_bytes);
  const std::string table = FormatReports({*itself, *other});
  EXPECT_NE(table.find("KL mean"), std::string::npos) << table;
  EXPECT_EQ(table.find("exact"), std::string::npos) << table;
}

TEST_F(EvaluateTest, AnswersAreComparedExactly) {
  options_.text.reset();
  options_.max_tokens = 8;
  options_.tasks = {{"Once upon a time", ""}, {"Once upon a time", ", no such thing"}};
  const auto session = AutoGLMSession::Create();
  ASSERT_TRUE(session->LoadModel(model_).ok());
  GenerateOptions greedy;
  greedy.temperature = 0;
  greedy.max_tokens = 8;
  options_.tasks[0].answer = session->Generate("Once upon a time", greedy)->text;
  const auto report = Evaluate(model_, options_);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->n_tasks, 2);
  EXPECT_EQ(report->n_exact, 1);
  EXPECT_FALSE(report->text.has_value());
}

TEST_F(EvaluateTest, ModelsWithOtherTokenizersAreNotCompared) {
  const std::string other = TestDataPath("tokenizers/gguf/ggml-vocab-gpt-2.gguf");
  if (other.empty()) GTEST_SKIP() << "no external test data";
  const auto a = ModelFile::Open(model_).value(), b = ModelFile::Open(other).value();
  const Status status = CheckSameTokenizer(*Tokenizer::Create(a->metadata()).value(),
                                           *Tokenizer::Create(b->metadata()).value());
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("512 tokens"), std::string::npos) << status.message();
  EXPECT_EQ(Evaluate(model_, {}).status().code(), StatusCode::kInvalidArgument);
  options_.text->text = "\x80";
  EXPECT_EQ(Evaluate(model_, options_).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace autoglm

// stories260K end to end: texts, tokens, hidden states and logits as its reference (float64, also
// confirmed by llama.cpp and llama2.c) has them, from GGUF and from a Hugging Face folder.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "autoglm/autoglm.h"
#include "engine/engine.h"
#include "formats/model_file.h"
#include "model/load.h"
#include "platform/thread_pool.h"
#include "tests/npy.h"
#include "tests/test_data.h"

namespace autoglm {
namespace {

using Json = nlohmann::json;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::unique_ptr<AutoGLMSession> Load(const std::string& path, KvType kv_type = KvType::kF32) {
  auto session = AutoGLMSession::Create(AutoGLMConfig().set_kv_type(kv_type).set_n_threads(2));
  EXPECT_TRUE(session->LoadModel(path).ok()) << session->status().ToString();
  return session;
}

/// Greedy answers to the prompts of an expectation file, for the first `n_tokens(prompt)` tokens.
template <typename F>
void ExpectGreedy(AutoGLMSession* session, const Json& prompts, F&& n_tokens) {
  ASSERT_FALSE(prompts.empty());
  for (const Json& prompt : prompts) {
    const std::string text = prompt["prompt"];
    SCOPED_TRACE(text);
    const Result<std::vector<int32_t>> ids = session->Tokenize(text);
    ASSERT_TRUE(ids.ok()) << ids.status().ToString();
    EXPECT_EQ(*ids, prompt["prompt_tokens"].get<std::vector<int32_t>>());
    auto expected = prompt["greedy_tokens"].get<std::vector<int32_t>>();
    const bool whole = n_tokens(prompt) >= static_cast<int>(expected.size());
    expected.resize(std::min<size_t>(expected.size(), n_tokens(prompt)));
    GenerateOptions options;
    options.temperature = 0;
    options.max_tokens = static_cast<int>(expected.size());
    options.ignore_eos = true;
    std::string streamed;
    const auto result = session->Generate(text, options, [&](std::string_view piece) {
      streamed += piece;
      return true;
    });
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(result->tokens, expected);
    if (whole) {
      EXPECT_EQ(result->text, prompt["greedy_text"].get<std::string>());
    }
    EXPECT_EQ(streamed, result->text);
  }
}

Json Expectations(const std::string& name) {
  return Json::parse(ReadAll(TestDataPath("models/" + name)), nullptr, false);
}

constexpr auto kAll = [](const Json&) { return 1 << 20; };

TEST(Stories, GreedyTextsFromGguf) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  ExpectGreedy(Load(path).get(), Expectations("stories260K.expected.json")["prompts"], kAll);
}

TEST(Stories, GreedyTextsFromAHuggingFaceFolder) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K-hf");
  ExpectGreedy(Load(path).get(), Expectations("stories260K.expected.json")["prompts"], kAll);
}

TEST(Stories, GreedyTextsWithAHalfPrecisionCacheWhereTheMarginPermits) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  ExpectGreedy(Load(path, KvType::kF16).get(), Expectations("stories260K.expected.json")["prompts"],
               [](const Json& prompt) { return prompt["min_margin"] > 0.05 ? 1 << 20 : 1; });
}

TEST(Stories, GreedyTextsOfQuantizedFiles) {
  AUTOGLM_TEST_DATA_OR_SKIP(unused, "models/quant.expected.json");
  const Json expectations = Expectations("quant.expected.json");
  for (const auto& [name, model] : expectations["models"].items()) {
    SCOPED_TRACE(name);
    ExpectGreedy(Load(TestDataPath("models/" + name)).get(), model["prompts"],
                 [](const Json& prompt) { return prompt["llama_cpp_agrees_for"].get<int>(); });
  }
}

TEST(Stories, TheFirstTokensLogitsAreTheReferences) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  const auto session = Load(path);
  const Json expectations = Expectations("stories260K.expected.json");
  for (const Json& prompt : expectations["prompts"]) {
    const auto tokens = prompt["prompt_tokens"].get<std::vector<int32_t>>();
    std::vector<float> last;
    ASSERT_TRUE(session
                    ->Logits(tokens,
                             [&](int, std::span<const float> logits) {
                               last.assign(logits.begin(), logits.end());
                               return true;
                             })
                    .ok());
    for (const Json& entry : prompt["first_step_top5"]) {
      EXPECT_NEAR(last[entry[0]], entry[1], 1e-3);
    }
  }
}

/// |x - y| / |y|, root mean square.
double RelativeError(const std::vector<float>& x, const std::vector<float>& y) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    error += std::pow(static_cast<double>(x[i]) - y[i], 2);
    norm += std::pow(static_cast<double>(y[i]), 2);
  }
  return std::sqrt(error / norm);
}

void ExpectTraces(const std::string& path) {
  const Json trace = Expectations("stories260K.expected.json")["trace"];
  ThreadPool threads(2);
  const std::unique_ptr<Backend> backend = NewCpuBackend(threads);
  const auto file = ModelFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  auto model = LoadLanguageModel(**file, *backend, threads, {});
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  std::vector<float> hidden, logits;
  (*model)->set_observer([&](int layer, const Tensor& rows) {
    if (layer == 5) return;  // the last norm, which the trace leaves out
    EXPECT_EQ(layer, static_cast<int>(hidden.size() / (5 * 64)) - 1);
    hidden.insert(hidden.end(), rows.f32(), rows.f32() + rows.shape.n_elements());
  });
  const SteadyClock clock;
  auto engine = Engine::Create(**model, *backend, nullptr, clock, {.kv_dtype = DType::kF32});
  ASSERT_TRUE(engine.ok());
  const auto tokens = trace["tokens"].get<std::vector<int32_t>>();
  ASSERT_TRUE((*engine)
                  ->ForEachLogits(tokens, 0,
                                  [&](int, const Tensor& rows) {
                                    logits.insert(logits.end(), rows.f32(),
                                                  rows.f32() + rows.shape.n_elements());
                                    return OkStatus();
                                  })
                  .ok());
  const auto expected_hidden =
      ReadNpy<float>(TestDataPath("models/stories260K.trace_hidden.npy")).values;
  const auto expected_logits =
      ReadNpy<float>(TestDataPath("models/stories260K.trace_logits.npy")).values;
  ASSERT_EQ(hidden.size(), expected_hidden.size());
  ASSERT_EQ(logits.size(), expected_logits.size());
  // Float32 against float64 through five layers; seen: 1e-7 to 5e-7.
  EXPECT_LT(RelativeError(hidden, expected_hidden), 1e-5);
  EXPECT_LT(RelativeError(logits, expected_logits), 1e-5);
}

TEST(Stories, HiddenStatesAndLogitsFromGguf) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  ExpectTraces(path);
}

TEST(Stories, HiddenStatesAndLogitsFromAHuggingFaceFolder) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K-hf");
  ExpectTraces(path);
}

TEST(Stories, QuantizingWhileLoadingKeepsTheStory) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  const Json prompt = Expectations("stories260K.expected.json")["prompts"][0];
  for (const Quality quality : {Quality::kFp16, Quality::kBf16, Quality::kInt8}) {
    auto session =
        AutoGLMSession::Create(AutoGLMConfig().set_quantization(quality).set_n_threads(2));
    ASSERT_TRUE(session->LoadModel(path).ok()) << session->status().ToString();
    GenerateOptions options;
    options.temperature = 0;
    options.max_tokens = 11;
    const auto result = session->Generate(prompt["prompt"].get<std::string>(), options);
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->text, ", there was a little girl named Lily.");
  }
}

TEST(Stories, APrefixKeptFromTheCallBeforeChangesNothing) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  GenerateOptions options;
  options.temperature = 0;
  options.max_tokens = 30;
  const auto warm = Load(path);
  ASSERT_TRUE(warm->Generate("Once upon a time, there was a cat", options).ok());
  const auto second = warm->Generate("Once upon a time, there was a dog", options);
  const auto fresh = Load(path)->Generate("Once upon a time, there was a dog", options);
  ASSERT_TRUE(second.ok() && fresh.ok());
  EXPECT_GT(second->stats.n_cached_tokens, 5);
  EXPECT_EQ(second->tokens, fresh->tokens);
}

TEST(Stories, ATextLongerThanTheContextGoesOnWhereTheOldestMayBeDropped) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  auto session = AutoGLMSession::Create(AutoGLMConfig().set_n_ctx(64).set_n_threads(2));
  ASSERT_TRUE(session->LoadModel(path).ok());
  GenerateOptions options;
  options.temperature = 0;
  options.ignore_eos = true;
  options.max_tokens = 300;
  auto result = session->Generate("Once upon a time", options);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->stop_reason, StopReason::kContextFull);
  EXPECT_EQ(result->stats.n_tokens, 59);
  options.context_policy = ContextPolicy::kDropOldest;
  options.n_keep = 1;
  result = session->Generate("Once upon a time", options);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->stop_reason, StopReason::kLength);
  EXPECT_EQ(result->stats.n_tokens, 300);
}

}  // namespace
}  // namespace autoglm

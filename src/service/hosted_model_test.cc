// The service over a real model.
#include "service/hosted_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "service/service_fixture_for_test.h"
#include "session/text_session.h"
#include "tests/test_data.h"

namespace autoglm {
namespace {

constexpr const char* kPrompt = "Once upon a time";

TEST(HostedModelTest, CompletesAsASessionDoes) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  ServiceFixture f({.files = {{"stories", path}}});
  const TestResponse response =
      f.Post("/v1/completions", {{"prompt", kPrompt}, {"max_tokens", 40}, {"temperature", 0}});
  ASSERT_EQ(response.status, 200) << response.body;
  auto loaded = LoadModelForSession(path, {}, Logger());
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  TextSession session(std::move(*loaded));
  const std::atomic<bool> cancelled = false;
  const auto expected =
      session.Generate(kPrompt, {.max_tokens = 40, .temperature = 0}, nullptr, cancelled);
  ASSERT_TRUE(expected.ok());
  EXPECT_EQ(response.json["choices"][0]["text"], expected->text);
}

TEST(HostedModelTest, EmbeddingsHaveLengthOneAndFollowTheText) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  ServiceFixture f({.files = {{"stories", path}}});
  const std::string text = "Once upon a time there was a little girl who had a big red ball. ";
  const Json request = {
      {"input", {text + text + "She was happy.", text + text + "He was sad.", "Fish."}}};
  const auto embed = [&](const Json& body) {
    const TestResponse response = f.Post("/v1/embeddings", body);
    EXPECT_EQ(response.status, 200) << response.body;
    std::vector<std::vector<double>> vectors;
    for (const Json& item : response.json["data"]) vectors.push_back(item["embedding"]);
    return vectors;
  };
  const auto dot = [](const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  };
  const auto vectors = embed(request);
  ASSERT_EQ(vectors.size(), 3u);
  for (const auto& vector : vectors) {
    ASSERT_EQ(vector.size(), 64u);
    EXPECT_NEAR(dot(vector, vector), 1, 1e-5);  // floats written with all their digits
  }
  EXPECT_GT(dot(vectors[0], vectors[1]), dot(vectors[0], vectors[2]));
  // Again, with the beginning found in the prefix cache: the same up to the order of sums.
  const auto again = embed(request);
  for (size_t i = 0; i < 3; ++i) EXPECT_GT(dot(vectors[i], again[i]), 0.9999) << i;
  Json shorter = request;
  shorter["dimensions"] = 8;
  const auto cut = embed(shorter);
  ASSERT_EQ(cut[0].size(), 8u);
  EXPECT_NEAR(dot(cut[0], cut[0]), 1, 1e-5);
  shorter["dimensions"] = 65;
  EXPECT_EQ(f.Post("/v1/embeddings", shorter).json["error"]["param"], "dimensions");
  EXPECT_EQ(f.Post("/v1/embeddings", {{"input", "Fish."}, {"encoding_format", "base64"}})
                .json["data"][0]["embedding"]
                .get<std::string>()
                .size(),
            (64 * 4 + 2) / 3 * 4u);
}

TEST(HostedModelTest, AModelThatCannotBeLoadedIsAnErrorOfItsRequests) {
  ServiceFixture f({.files = {{"none", "/nonexistent.gguf"}}});
  const TestResponse response = f.Post("/v1/completions", {{"prompt", "x"}});
  EXPECT_EQ(response.status, 404) << response.body;
  EXPECT_EQ(response.json["error"]["param"], "model");
  EXPECT_EQ(f.Get("/health").status, 200);
}

}  // namespace
}  // namespace autoglm

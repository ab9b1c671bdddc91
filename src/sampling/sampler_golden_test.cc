// The chain against what Hugging Face transformers computes: tests/data/sampling/golden.json, made
// by tools/make_sampling_golden.py.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "sampling/sampler.h"

namespace autoglm {
namespace {

using json = nlohmann::json;

SamplingParams ParamsFrom(const json& j) {
  SamplingParams params;
  params.temperature = j.value("temperature", params.temperature);
  params.top_k = j.value("top_k", params.top_k);
  params.top_p = j.value("top_p", params.top_p);
  params.min_p = j.value("min_p", params.min_p);
  params.typical_p = j.value("typical_p", params.typical_p);
  params.repetition_penalty = j.value("repetition_penalty", params.repetition_penalty);
  for (const json& entry : j.value("logit_bias", json::array())) {
    params.logit_bias.emplace_back(entry[0].get<int32_t>(), entry[1].get<float>());
  }
  return params;
}

TEST(SamplerGolden, DistributionsEqualThoseOfTransformers) {
  std::ifstream file(AUTOGLM_SOURCE_DIR "/tests/data/sampling/golden.json");
  const json golden = json::parse(file, nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(golden.is_object());
  std::map<std::string, std::vector<float>> rows;
  for (const auto& [name, values] : golden["logits"].items()) {
    for (const json& v : values) rows[name].push_back(v.is_null() ? -INFINITY : v.get<float>());
  }
  ASSERT_GE(golden["cases"].size(), 60u);
  for (const json& c : golden["cases"]) {
    SCOPED_TRACE(c["params"].dump() + " on " + c["logits"].dump());
    std::vector<float> logits = rows.at(c["logits"]);
    auto sampler = Sampler::Create(ParamsFrom(c["params"]), static_cast<int32_t>(logits.size()));
    ASSERT_TRUE(sampler.ok()) << sampler.status().ToString();
    for (const json& id : golden["history"]) sampler->Accept(id);
    std::vector<TokenProbability> actual;
    ASSERT_TRUE(sampler->Distribution(logits, &actual).ok());
    ASSERT_EQ(actual.size(), c["probabilities"].size());
    for (size_t i = 0; i < actual.size(); ++i) {
      EXPECT_EQ(actual[i].id, c["probabilities"][i][0]);
      const double expected = c["probabilities"][i][1];
      // Four float32 roundings of logits near 20 (bias, penalty, temperature, shift) are 4e-6.
      EXPECT_NEAR(actual[i].probability, expected, 4e-6 * expected) << actual[i].id;
    }
  }
}

}  // namespace
}  // namespace autoglm

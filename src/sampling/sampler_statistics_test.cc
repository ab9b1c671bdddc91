// Draws counted against the exact distribution by Pearson's chi-square test, with fixed seeds.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "sampling/sampler.h"

namespace autoglm {
namespace {

// z of the Wilson-Hilferty approximation: about standard normal if counts fit the distribution.
double ChiSquareZ(const std::map<int32_t, int>& counts, const std::vector<TokenProbability>& truth,
                  int n_draws) {
  double chi_square = 0;
  int n_bins = 0;
  double rest_expected = 0, rest_count = 0;  // bins too small for the test, taken together
  for (const TokenProbability& t : truth) {
    const double expected = static_cast<double>(t.probability) * n_draws;
    const auto it = counts.find(t.id);
    const double count = it == counts.end() ? 0 : it->second;
    if (expected < 10) {
      rest_expected += expected, rest_count += count;
      continue;
    }
    chi_square += (count - expected) * (count - expected) / expected;
    ++n_bins;
  }
  if (rest_expected >= 10) {
    chi_square += std::pow(rest_count - rest_expected, 2) / rest_expected;
    ++n_bins;
  }
  const double k = std::max(1, n_bins - 1);
  return (std::cbrt(chi_square / k) - (1 - 2 / (9 * k))) / std::sqrt(2 / (9 * k));
}

std::vector<float> RandomLogits(size_t n, double scale, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> logits(n);
  for (float& l : logits) l = static_cast<float>(scale * rng.NextGaussian());
  return logits;
}

struct NamedParams {
  const char* name;
  std::function<void(SamplingParams&)> set;
};

const NamedParams kSettings[] = {
    {"plain", [](auto&) {}},
    {"temperature", [](auto& p) { p.temperature = 0.7f; }},
    {"top_k", [](auto& p) { p.top_k = 20; }},
    {"top_p", [](auto& p) { p.top_p = 0.8f; }},
    {"min_p", [](auto& p) { p.min_p = 0.1f; }},
    {"typical_p", [](auto& p) { p.typical_p = 0.8f; }},
    {"penalties", [](auto& p) { p.repetition_penalty = 1.2f, p.frequency_penalty = 0.5f; }},
    {"all", [](auto& p) { p.top_k = 50, p.top_p = 0.9f, p.min_p = 0.02f, p.temperature = 1.3f; }},
};

class SamplerStatistics : public testing::TestWithParam<NamedParams> {};

TEST_P(SamplerStatistics, DrawsFollowTheStatedDistribution) {
  constexpr int kDraws = 40000;
  SamplingParams params;
  params.seed = 11;
  GetParam().set(params);
  const std::vector<float> logits = RandomLogits(100, 2, 5);
  Sampler sampler = Sampler::Create(params, 100).value();
  for (const int32_t id : {1, 2, 2, 30}) sampler.Accept(id);
  std::vector<TokenProbability> truth;
  std::vector<float> row = logits;
  ASSERT_TRUE(sampler.Distribution(row, &truth).ok());
  std::map<int32_t, int> counts;
  for (int i = 0; i < kDraws; ++i) {
    row = logits;
    ++counts[sampler.Sample(row).value()];
  }
  std::set<int32_t> kept;
  for (const TokenProbability& t : truth) kept.insert(t.id);
  for (const auto& [id, count] : counts) {
    EXPECT_TRUE(kept.count(id)) << "drew " << id << ", which the filters removed";
  }
  EXPECT_LT(std::abs(ChiSquareZ(counts, truth, kDraws)), 4);
}

TEST_P(SamplerStatistics, ADistributionSumsToOne) {
  SamplingParams params;
  GetParam().set(params);
  Sampler sampler = Sampler::Create(params, 5000).value();
  std::vector<float> row = RandomLogits(5000, 1, 6);
  std::vector<TokenProbability> truth;
  ASSERT_TRUE(sampler.Distribution(row, &truth).ok());
  double sum = 0;
  for (const TokenProbability& t : truth) sum += t.probability;
  EXPECT_NEAR(sum, 1, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Settings, SamplerStatistics, testing::ValuesIn(kSettings),
                         [](const auto& info) { return info.param.name; });

TEST(ChiSquare, NoticesADistributionThatIsSlightlyOff) {
  // 1 % of the mass moved from one token to another.
  SamplingParams params;
  Sampler sampler = Sampler::Create(params, 4).value();
  std::map<int32_t, int> counts;
  for (int i = 0; i < 40000; ++i) {
    std::vector<float> row(4, 0.0f);
    ++counts[sampler.Sample(row).value()];
  }
  const std::vector<TokenProbability> right = {{0, .25f}, {1, .25f}, {2, .25f}, {3, .25f}};
  const std::vector<TokenProbability> wrong = {{0, .26f}, {1, .24f}, {2, .25f}, {3, .25f}};
  EXPECT_LT(std::abs(ChiSquareZ(counts, right, 40000)), 4);
  EXPECT_GT(ChiSquareZ(counts, wrong, 40000), 4);
}

}  // namespace
}  // namespace autoglm

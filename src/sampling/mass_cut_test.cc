#include "sampling/mass_cut.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/rng.h"

namespace autoglm {
namespace {

// The same set by sorting.
std::vector<bool> KeptBySorting(const std::vector<uint32_t>& keys,
                                const std::vector<float>& weights, double target) {
  std::vector<size_t> order(keys.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return keys[a] < keys[b]; });
  std::vector<bool> kept(keys.size(), false);
  double sum = 0;
  for (const size_t i : order) {
    kept[i] = true;
    sum += weights[i];
    if (sum > 0 && sum >= target) break;
  }
  return kept;
}

TEST(MassCut, KeepsWhatSortingWouldKeep) {
  Rng rng(3);
  for (int trial = 0; trial < 3000; ++trial) {
    const size_t n = 1 + rng.NextBelow(60);
    // From all distinct to many equal keys; whole weights, so that every order sums alike.
    const int shift = static_cast<int>(rng.NextBelow(32));
    std::vector<uint32_t> keys(n);
    std::vector<float> weights(n);
    for (uint32_t& key : keys) key = static_cast<uint32_t>(rng.NextU64()) >> shift;
    for (float& weight : weights) weight = static_cast<float>(1 + rng.NextBelow(5));
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    const double target = rng.NextDouble() * total;
    const std::vector<bool> expected = KeptBySorting(keys, weights, target);
    const MassCut cut = FindMassCut(keys, weights, target);
    for (size_t i = 0; i < n; ++i) {
      ASSERT_EQ(cut.Keeps(keys[i], i), expected[i]) << "trial " << trial << ", index " << i;
    }
  }
}

TEST(MassCut, ATargetOfZeroKeepsTheFirstCandidateWithWeight) {
  const std::vector<uint32_t> keys = {4, 9, 4};
  const std::vector<float> weights = {0, 1, 1};
  const MassCut cut = FindMassCut(keys, weights, 0);
  EXPECT_EQ(cut.key, 4u);
  EXPECT_EQ(cut.index, 2u);
}

TEST(MassCut, ATargetThatIsNeverReachedKeepsEverythingWithWeight) {
  const std::vector<uint32_t> keys = {1u << 31, 5, 1u << 31, 7};
  const std::vector<float> weights = {1, 1, 1, 1};
  const MassCut cut = FindMassCut(keys, weights, 100);
  for (size_t i = 0; i < keys.size(); ++i) EXPECT_TRUE(cut.Keeps(keys[i], i));
}

TEST(MassCut, KeysFollowTheOrderOfFloats) {
  const std::vector<float> ascending = {-INFINITY, -3e38f, -2.5f, -1e-40f, 0.0f,
                                        1e-40f,    1.0f,   1.5f,  3e38f};
  for (size_t i = 1; i < ascending.size(); ++i) {
    EXPECT_GT(DescendingKey(ascending[i - 1]), DescendingKey(ascending[i]));
    if (ascending[i - 1] >= 0) {
      EXPECT_LT(AscendingKey(ascending[i - 1]), AscendingKey(ascending[i]));
    }
  }
  EXPECT_EQ(DescendingKey(-0.0f), DescendingKey(0.0f));
}

}  // namespace
}  // namespace autoglm

#include "sampling/token_window.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace autoglm {
namespace {

std::map<int32_t, int32_t> Counts(const TokenWindow& window) {
  std::map<int32_t, int32_t> counts;
  for (const TokenWindow::Entry& entry : window.entries()) {
    EXPECT_EQ(counts.count(entry.id), 0u) << "two entries for " << entry.id;
    counts[entry.id] = entry.count;
  }
  return counts;
}

TEST(TokenWindow, CountsTheLastTokensOnly) {
  for (const int32_t last_n : {-1, 1, 2, 7, 64}) {
    Rng rng(static_cast<uint64_t>(last_n + 2));
    TokenWindow window(10, last_n);
    std::vector<int32_t> added;
    for (int step = 0; step < 300; ++step) {
      added.push_back(static_cast<int32_t>(rng.NextBelow(10)));
      window.Add(added.back());
      const size_t n = last_n < 0 ? added.size() : std::min<size_t>(last_n, added.size());
      std::map<int32_t, int32_t> expected;
      for (size_t i = added.size() - n; i < added.size(); ++i) ++expected[added[i]];
      ASSERT_EQ(Counts(window), expected) << "last_n " << last_n << ", step " << step;
    }
  }
}

TEST(TokenWindow, ClearForgetsEverything) {
  TokenWindow window(10, 2);
  for (int32_t id : {1, 2, 3}) window.Add(id);
  window.Clear();
  EXPECT_TRUE(window.entries().empty());
  window.Add(4);
  EXPECT_EQ(Counts(window), (std::map<int32_t, int32_t>{{4, 1}}));
}

}  // namespace
}  // namespace autoglm

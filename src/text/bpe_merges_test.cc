#include "text/bpe_merges.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace autoglm {
namespace {

// The definition, word for word: quadratic.
std::vector<int32_t> Naive(const BpeMerges& merges, std::vector<int32_t> symbols) {
  while (true) {
    size_t best = 0;
    BpeMerges::Merge merge;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const BpeMerges::Merge m = merges.Find(symbols[i], symbols[i + 1]);
      if (m.rank < merge.rank) merge = m, best = i;
    }
    if (merge.rank == BpeMerges::kNoRank) return symbols;
    symbols[best] = merge.merged;
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

TEST(BpeMergesTest, ShortAndLongPiecesFollowTheDefinition) {
  Rng rng(11);
  for (int round = 0; round < 60; ++round) {
    BpeMerges merges(200);
    for (int32_t i = 0; i < 200; ++i) {  // few letters and equal ranks: many ties
      merges.Add(static_cast<int32_t>(rng.NextBelow(4 + i)),
                 static_cast<int32_t>(rng.NextBelow(4 + i)),
                 static_cast<uint32_t>(rng.NextBelow(60)), 4 + i);
    }
    for (const size_t n : {0, 1, 2, 3, 17, 47, 48, 49, 50, 200, 700}) {
      std::vector<int32_t> symbols(n);
      for (int32_t& s : symbols) s = static_cast<int32_t>(rng.NextBelow(4));
      std::vector<int32_t> got = symbols;
      merges.Apply(&got);
      EXPECT_EQ(got, Naive(merges, symbols)) << n << " symbols";
    }
  }
}

TEST(BpeMergesTest, TheFirstOfTwoRanksOfAPairHolds) {
  BpeMerges merges(2);
  merges.Add(1, 2, 5, 10);
  merges.Add(1, 2, 3, 11);
  EXPECT_EQ(merges.Find(1, 2).rank, 5u);
  EXPECT_EQ(merges.Find(1, 2).merged, 10);
  EXPECT_EQ(merges.Find(2, 1).rank, BpeMerges::kNoRank);
}

}  // namespace
}  // namespace autoglm

#include "quant/level_grid.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/rng.h"
#include "quant/quant_format.h"

namespace autoglm {
namespace {

constexpr DType kGridTypes[] = {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
                                DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

TEST(LevelGridTest, GridsHoldExactlyWhatTheFormatsDecode) {
  for (const DType dtype : kGridTypes) {
    SCOPED_TRACE(Name(dtype));
    const int n = Info(dtype).block_elements;
    Rng rng(7);
    std::vector<float> x(static_cast<size_t>(n));
    for (float& v : x) v = static_cast<float>(rng.NextGaussian());
    std::vector<std::byte> block(static_cast<size_t>(Info(dtype).block_bytes));
    Format(dtype).encode(x.data(), nullptr, block.data(), n);
    const LevelGrid grid = ReadLevelGrid(dtype, block.data());
    std::vector<float> decoded(x.size());
    Format(dtype).decode(block.data(), decoded.data(), n);
    std::vector<int8_t> levels(x.size());
    for (int i = 0; i < n; ++i) {
      const auto at = static_cast<size_t>(i);
      levels[at] = static_cast<int8_t>(grid.Nearest(i, decoded[at]));
      EXPECT_EQ(grid.Value(i, levels[at]), decoded[at]) << i;
    }
    // Written back they give the same block; other levels give other values of the grid.
    std::vector<std::byte> again = block;
    WriteLevels(dtype, levels.data(), again.data());
    EXPECT_EQ(again, block);
    for (int i = 0; i < n; ++i) {
      levels[static_cast<size_t>(i)] =
          static_cast<int8_t>(grid.lowest + (7 * i) % (grid.highest - grid.lowest + 1));
    }
    WriteLevels(dtype, levels.data(), again.data());
    Format(dtype).decode(again.data(), decoded.data(), n);
    for (int i = 0; i < n; ++i) {
      const auto at = static_cast<size_t>(i);
      EXPECT_EQ(decoded[at], grid.Value(i, levels[at])) << i;
    }
  }
}

TEST(LevelGridTest, OtherTypesHaveNone) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0, DType::kIQ4_NL}) {
    EXPECT_FALSE(HasLevelGrid(dtype)) << Name(dtype);
  }
}

}  // namespace
}  // namespace autoglm

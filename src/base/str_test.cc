#include "base/str.h"

#include <gtest/gtest.h>

#include <vector>

namespace autoglm {
namespace {

TEST(Str, CatJoinsValuesOfManyTypes) {
  EXPECT_EQ(StrCat("a", 1, ' ', 2.5, ' ', true, std::string("z")), "a1 2.5 truez");
}

TEST(Str, FormatBytesPicksTheUnit) {
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(FormatBytes(uint64_t{1} << 40), "1.0 TiB");
  EXPECT_EQ(FormatBytes((uint64_t{1} << 20) - 1), "1.0 MiB");
}

TEST(Str, QuotedShowsNoControlBytes) {
  EXPECT_EQ(Quoted("a\n\xff"), "a\\x0a\\xff");
  EXPECT_EQ(Quoted("abcdef", 3), "abc...");
}

TEST(Str, NearestFindsATypoButNotAStranger) {
  const std::vector<std::string_view> words = {"temperature", "top-k", "seed"};
  EXPECT_EQ(Nearest("temprature", words), "temperature");
  EXPECT_EQ(Nearest("topk", words), "top-k");
  EXPECT_EQ(Nearest("xylophone", words), "");
}

}  // namespace
}  // namespace autoglm

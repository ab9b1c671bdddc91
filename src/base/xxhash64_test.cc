#include "base/xxhash64.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace autoglm {
namespace {

uint64_t Of(std::string_view text, uint64_t seed = 0) {
  return XxHash64(std::as_bytes(std::span(text.data(), text.size())), seed);
}

TEST(XxHash64, GivesThePublishedValues) {
  EXPECT_EQ(Of(""), 0xEF46DB3751D8E999u);
  EXPECT_EQ(Of("a"), 0xD24EC4F1A98C6E5Bu);
  EXPECT_EQ(Of("abc"), 0x44BC2CF5AD770999u);
  EXPECT_EQ(Of("Nobody inspects the spammish repetition"), 0xFBCEA83C8A378BF1u);
}

TEST(XxHash64, EveryBitOfEveryLengthMatters) {
  std::set<uint64_t> seen;
  int n = 0;
  for (size_t length : {1, 4, 7, 8, 31, 32, 33, 70}) {
    std::string text(length, 'x');
    for (size_t bit = 0; bit < 8 * length; ++bit, ++n) {
      text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
      seen.insert(Of(text));
      text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    }
  }
  EXPECT_EQ(seen.size(), static_cast<size_t>(n));
  EXPECT_NE(Of("abc", 1), Of("abc", 2));
}

}  // namespace
}  // namespace autoglm

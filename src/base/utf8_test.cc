#include "base/utf8.h"

#include <gtest/gtest.h>

namespace autoglm {
namespace {

TEST(Utf8, EveryScalarValueSurvivesARoundTrip) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    AppendUtf8(&text, c);
    const Utf8Char decoded = DecodeUtf8(text);
    ASSERT_TRUE(decoded.valid);
    ASSERT_EQ(decoded.code_point, c);
    ASSERT_EQ(decoded.n_bytes, static_cast<int>(text.size()));
    for (size_t cut = 1; cut < text.size(); ++cut) {
      ASSERT_EQ(CompleteUtf8Prefix("x" + text.substr(0, cut)), 1u);
    }
    ASSERT_EQ(CompleteUtf8Prefix(text), text.size());
  }
}

TEST(Utf8, IllFormedSequencesAreRefused) {
  for (const char* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                          "\xF5\x80\x80\x80", "\xE2\x82", "\xFF"}) {
    EXPECT_FALSE(IsValidUtf8(bad));
  }
  EXPECT_TRUE(IsValidUtf8("h\xC3\xA9 \xE4\xBD\xA0 \xF0\x9F\x98\x80"));
}

TEST(Utf8, ReplacementFollowsMaximalSubparts) {
  // Unicode 15, table 3-8.
  EXPECT_EQ(ReplaceInvalidUtf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"
            "A");
  EXPECT_EQ(ReplaceInvalidUtf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"),
            "\uFFFD\uFFFD\uFFFD\uFFFD"
            "A");
}

TEST(Utf8, AStrayContinuationIsNotHeldBack) {
  EXPECT_EQ(CompleteUtf8Prefix("a\x80"), 2u);
  EXPECT_EQ(CompleteUtf8Prefix("\xE4\xC3"), 1u);
  EXPECT_EQ(CompleteUtf8Prefix("\xED\xA0"), 2u);
}

}  // namespace
}  // namespace autoglm

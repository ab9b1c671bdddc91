#include "formats/metadata.h"

#include <gtest/gtest.h>

#include <utility>

namespace autoglm {
namespace {

TEST(Metadata, GivesBackWhatWasSet) {
  Metadata m;
  m.SetU32("u", 4'000'000'000u);
  m.SetI32("i", -5);
  m.SetU64("l", uint64_t{1} << 40);
  m.SetF32("f", 0.5f);
  m.SetBool("b", true);
  m.SetString("s", std::string("text"));
  m.SetI32s("is", {1, -2});
  m.SetF32s("fs", {0.25});
  m.SetStrings("ss", {m.Own("a"), m.Own("b")});
  EXPECT_EQ(*m.GetInt("u"), 4'000'000'000);
  EXPECT_EQ(*m.GetInt("i"), -5);
  EXPECT_EQ(*m.GetInt("l"), int64_t{1} << 40);
  EXPECT_EQ(*m.GetFloat("f"), 0.5);
  EXPECT_EQ(*m.GetFloat("i"), -5.0) << "an integer is a fine float";
  EXPECT_TRUE(*m.GetBool("b"));
  EXPECT_EQ(*m.GetString("s"), "text");
  EXPECT_EQ((*m.GetInts("is"))[1], -2);
  EXPECT_EQ((*m.GetFloats("fs"))[0], 0.25);
  EXPECT_EQ((*m.GetStrings("ss"))[1], "b");
  m.SetU32("u", 1);
  EXPECT_EQ(*m.GetInt("u"), 1) << "setting replaces";
  m.Erase("u");
  EXPECT_FALSE(m.Has("u"));
}

TEST(Metadata, AnAbsentKeyIsNotFoundOrTheFallback) {
  const Metadata m;
  EXPECT_EQ(m.GetInt("x").status().code(), StatusCode::kNotFound);
  EXPECT_NE(m.GetInt("llama.x").status().message().find("'llama.x'"), std::string::npos);
  EXPECT_EQ(*m.GetInt("x", 7), 7);
  EXPECT_EQ(*m.GetFloat("x", 1.5), 1.5);
  EXPECT_TRUE(*m.GetBool("x", true));
  EXPECT_EQ(*m.GetString("x", "d"), "d");
}

TEST(Metadata, AWrongTypeNamesTheKeyAndBothTypes) {
  Metadata m;
  m.SetString("s", "text");
  m.SetF32("f", 1);
  m.SetI32s("is", {1});
  m.SetBool("b", true);
  const Status status = m.GetInt("s").status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "metadata key 's' is of type string, expected an integer");
  EXPECT_EQ(m.GetString("is").status().message(),
            "metadata key 'is' is of type array of i32, expected string");
  EXPECT_FALSE(m.GetInt("f").ok());
  EXPECT_FALSE(m.GetInt("f", 3).ok()) << "a fallback is for absence, not for a wrong type";
  EXPECT_FALSE(m.GetInt("b").ok());
  EXPECT_FALSE(m.GetBool("f").ok());
  EXPECT_FALSE(m.GetFloats("is").ok());
  EXPECT_FALSE(m.GetStrings("is").ok());
  EXPECT_FALSE(m.GetInt("is").ok());
}

TEST(Metadata, OwnedTextStaysWhenTheObjectMoves) {
  Metadata m;
  std::vector<std::pair<std::string, std::string_view>> pairs;
  for (int i = 0; i < 3000; ++i) {
    std::string text(static_cast<size_t>(i) * 37 % 40'000, static_cast<char>('a' + i % 26));
    const std::string_view view = m.Own(text);
    pairs.emplace_back(std::move(text), view);
  }
  const Metadata moved = std::move(m);
  for (const auto& [text, view] : pairs) ASSERT_EQ(text, view);
}

}  // namespace
}  // namespace autoglm

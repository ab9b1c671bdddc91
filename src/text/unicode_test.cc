#include "text/unicode.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/utf8.h"
#include "text/code_point_set.h"
#include "text/normalize.h"

namespace autoglm {
namespace {

TEST(UnicodeTest, CategoriesOfCharactersThatMatter) {
  using enum GeneralCategory;
  const std::pair<char32_t, GeneralCategory> kExpected[] = {
      {'A', kLu},      {'z', kLl},    {U'ǅ', kLt},    {U'ʰ', kLm},    {U'中', kLo},  {0x301, kMn},
      {0x903, kMc},    {0x20DD, kMe}, {'7', kNd},     {U'Ⅷ', kNl},    {U'½', kNo},   {'_', kPc},
      {'-', kPd},      {'(', kPs},    {')', kPe},     {U'“', kPi},    {U'”', kPf},   {U'。', kPo},
      {'+', kSm},      {'$', kSc},    {'^', kSk},     {U'🙂', kSo}, {' ', kZs},    {0x2028, kZl},
      {0x2029, kZp},   {'\n', kCc},   {0x200D, kCf},  {0xD800, kCs},  {0xE000, kCo}, {0x378, kCn},
      {0x10FFFF, kCn}, {0x9FFF, kLo}, {0x20000, kLo}, {0xAC01, kLo}};
  for (const auto& [c, category] : kExpected) {
    EXPECT_EQ(CategoryOf(c), category) << std::hex << static_cast<uint32_t>(c);
  }
}

TEST(UnicodeTest, WhiteSpaceIsTheProperty) {
  for (const char32_t c : {9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, 0x2003, 0x2028, 0x3000}) {
    EXPECT_TRUE(IsWhiteSpace(c)) << std::hex << static_cast<uint32_t>(c);
  }
  for (const char32_t c : {0, 8, 14, 0x200B, 0x180E, 0xFEFF, int{'a'}})
    EXPECT_FALSE(IsWhiteSpace(c));
}

TEST(UnicodeTest, FoldingAndLowerCase) {
  EXPECT_EQ(SimpleFold('S'), U's');
  EXPECT_EQ(SimpleFold(0x17F), U's');   // long s
  EXPECT_EQ(SimpleFold(0x212A), U'k');  // Kelvin
  EXPECT_EQ(SimpleLower(U'Ä'), U'ä');
  EXPECT_EQ(SimpleLower(U'中'), U'中');
}

TEST(CodePointSetTest, AlgebraAgreesWithMembershipOneByOne) {
  const CodePointSet letters = CodePointSet::OfCategories(CategoriesNamed("L"));
  const CodePointSet upper = CodePointSet::OfCategories(CategoriesNamed("Lu"));
  const CodePointSet both = letters.Intersect(upper.Complement());
  const CharClass fast(both);
  for (char32_t c = 0; c <= kLastCodePoint; c += c < 0x3000 ? 1 : 37) {
    const bool expected =
        HasCategory(c, CategoriesNamed("L")) && CategoryOf(c) != GeneralCategory::kLu;
    ASSERT_EQ(both.Contains(c), expected) << std::hex << static_cast<uint32_t>(c);
    ASSERT_EQ(fast.Contains(c), expected) << std::hex << static_cast<uint32_t>(c);
  }
}

TEST(CodePointSetTest, CaseClosureFindsAllFormsOfALetter) {
  CodePointSet s;
  s.Add('S', 'S');
  const CodePointSet closed = s.CaseClosure();
  for (const char32_t c : {U's', U'S', U'ſ'}) EXPECT_TRUE(closed.Contains(c));
  EXPECT_FALSE(closed.Contains('t'));
}

TEST(NormalizeTest, IllFormedBytesPassUnchanged) {
  const std::string text = "e\xFF\xCC\x81 \xE4\xB8 \xC3";
  EXPECT_EQ(Normalize("e\xFF"
                      "e\xCC\x81\xE4\xB8",
                      NormalForm::kNfc),
            "e\xFF\xC3\xA9\xE4\xB8");
  EXPECT_EQ(Normalize(text, NormalForm::kNfd), text);
}

TEST(NormalizeTest, AgreesWithItselfOnRandomText) {
  Rng rng(7);
  for (int i = 0; i < 300; ++i) {
    std::string text;
    for (int k = 0; k < 40; ++k) {
      const char32_t from[] = {0x20, 0xC0, 0x300, 0x1100, 0x1160, 0x11A8, 0xAC00, 0x1E00, 0x915};
      AppendUtf8(&text, from[rng.NextBelow(9)] + static_cast<char32_t>(rng.NextBelow(60)));
    }
    const std::string nfc = Normalize(text, NormalForm::kNfc),
                      nfd = Normalize(text, NormalForm::kNfd);
    EXPECT_EQ(Normalize(nfd, NormalForm::kNfc), nfc);
    EXPECT_EQ(Normalize(nfc, NormalForm::kNfd), nfd);
    EXPECT_EQ(Normalize(nfc, NormalForm::kNfc), nfc);
  }
}

// Columns of NormalizationTest.txt: source; NFC; NFD; NFKC; NFKD.
std::vector<std::string> Columns(const std::string& line) {
  std::vector<std::string> columns(1);
  for (const char* p = line.c_str(); *p && *p != '#' && columns.size() <= 5;) {
    if (*p == ';') {
      columns.emplace_back();
      ++p;
    } else if (*p == ' ') {
      ++p;
    } else {
      char* end = nullptr;
      AppendUtf8(&columns.back(), static_cast<char32_t>(std::strtoul(p, &end, 16)));
      if (end == p) break;
      p = end;
    }
  }
  return columns;
}

TEST(NormalizeTest, PassesTheConformanceTestOfUnicode) {
  FILE* pipe = popen("bzip2 -dc /usr/share/unicode/NormalizationTest.txt.bz2 2>/dev/null", "r");
  ASSERT_NE(pipe, nullptr);
  char buffer[4096];
  int n = 0;
  while (fgets(buffer, sizeof(buffer), pipe)) {
    const std::string line = buffer;
    if (line.empty() || line[0] == '#' || line[0] == '@') continue;
    const std::vector<std::string> c = Columns(line);
    if (c.size() < 5) continue;
    ++n;
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(Normalize(c[i], NormalForm::kNfc), c[i < 3 ? 1 : 3]) << line;
      EXPECT_EQ(Normalize(c[i], NormalForm::kNfd), c[i < 3 ? 2 : 4]) << line;
      EXPECT_EQ(Normalize(c[i], NormalForm::kNfkc), c[3]) << line;
      EXPECT_EQ(Normalize(c[i], NormalForm::kNfkd), c[4]) << line;
    }
    if (HasFailure()) break;
  }
  pclose(pipe);
  if (n == 0) GTEST_SKIP() << "no NormalizationTest.txt (package unicode-data) or no bzip2";
  EXPECT_GT(n, 18000);
}

}  // namespace
}  // namespace autoglm

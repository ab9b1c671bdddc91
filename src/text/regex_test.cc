#include "text/regex.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/utf8.h"
#include "formats/hf_tokenizer_pre.h"
#include "text/pre_tokenizer.h"

namespace autoglm {
namespace {

using Pieces = std::vector<std::string>;

Pieces SplitWith(std::vector<std::string_view> regexes, std::string_view text) {
  const Result<PreTokenizer> pre = PreTokenizer::Create(regexes);
  EXPECT_TRUE(pre.ok()) << pre.status().ToString();
  Pieces pieces;
  if (!pre.ok()) return pieces;
  PieceSplitter(pre.value()).Split(text, [&](std::string_view piece) {
    pieces.emplace_back(piece);
  });
  return pieces;
}

Pieces SplitLike(std::string_view name, std::string_view text) {
  const PreTokenizerRow* row = FindPreTokenizer(name);
  EXPECT_NE(row, nullptr) << name;
  return SplitWith({row->regexes.begin(), row->regexes.end()}, text);
}

size_t MatchLength(std::string_view pattern, std::string_view text) {
  const Result<Regex> regex = Regex::Compile(pattern);
  EXPECT_TRUE(regex.ok()) << regex.status().ToString();
  if (!regex.ok()) return 0;
  RegexMatcher matcher(regex.value());
  matcher.Reset(text);
  return matcher.MatchAt(0);
}

TEST(RegexTest, MatchesTheFirstAlternativeThatFits) {
  constexpr size_t kNone = RegexMatcher::kNoMatch;
  const struct {
    std::string_view pattern, text;
    size_t length;
  } kCases[] = {
      {"a|ab", "ab", 1},
      {"ab|a", "ab", 2},
      {"a*", "aaab", 3},
      {"a*?b", "aaab", 4},
      {"a+?", "aaa", 1},
      {"a{2,3}", "aaaa", 3},
      {"a{2,3}?", "aaaa", 2},
      {"a{,2}b", "aab", 3},
      {"a{2}", "a", kNone},
      {"a{x}", "a{x}", 4},
      {"a++a", "aaa", kNone},
      {"(?>a|ab)c", "abc", kNone},
      {"(?:a|ab)c", "abc", 3},
      {"(?:ab)+", "ababa", 4},
      {"(?:a|b){2,3}c", "abac", 4},
      {"(?:a|b){1,2}+b", "abb", 3},
      {R"(\s+(?!\S))", "   x", 2},
      {R"(a(?=b))", "ab", 1},
      {R"(a(?=b))", "ac", kNone},
      {R"(((?=[\p{L}])([^a-z]))+x)", "ABCx", 4},
      {"(?i:'s)", "'S", 2},
      {"(?i:'s)", "'ſ", 3},
      {"(?i)ab(?-i)c", "ABc", 3},
      {"[^a-c]", "é", 2},
      {"[a-c&&[^b]]+", "acb", 2},
      {R"([\]\-a]+)", "]-a", 3},
      {"[a-]+", "a-", 2},
      {R"(\p{Han}+)", "中文a", 6},
      {R"(\P{L}+)", "12a", 2},
      {R"(\p{^L}+)", "12a", 2},
      {R"(\d\w\W\D\S)", "1_ x.", 5},
      {R"(\x41\u0042\x{43})", "ABC", 3},
      {".+", "ab\nc", 2},
      {"(?s:.+)", "ab\nc", 4},
      {"^a$", "a", 1},
      {R"(a\b)", "ab", kNone},
      {R"(a\b)", "a b", 1},
      {"(?<name>a)b", "ab", 2},
  };
  for (const auto& [pattern, text, length] : kCases) {
    EXPECT_EQ(MatchLength(pattern, text), length) << pattern << " on " << text;
  }
}

TEST(RegexTest, IllFormedBytesCountAsReplacementCharacters) {
  EXPECT_EQ(MatchLength(R"([^\s\p{L}]+)", "\xFF\xE4\xB8x"), 3u);
  EXPECT_EQ(MatchLength(".+?x", "\xE4\xB8x"), 3u);
  EXPECT_EQ(MatchLength(".+\xEF\xBF\xBD", "\xE4\xB8\xAD\xB8"), 4u);  // gives one byte back
}

TEST(RegexTest, RefusesWhatItCannotDo) {
  for (const std::string_view pattern :
       {"(", ")", "a)", "[a", "*a", "a{2}{", "[b-a]", R"(\p{Q})", R"(\1)", "(?<=a)b", "(a*)*",
        "(?x:a)", R"(\p{L)", "\\", "(?<n", "[[:alpha:]]", "\xFF", "a{1001}", R"(\x{110000})"}) {
    const Status status = Regex::Compile(pattern).status();
    if (pattern == "a{2}{") {  // a literal brace
      EXPECT_TRUE(status.ok()) << status.ToString();
    } else {
      EXPECT_FALSE(status.ok()) << pattern;
    }
  }
  std::string deep(200, '(');
  EXPECT_FALSE(Regex::Compile(deep + "a" + std::string(200, ')')).ok());
  EXPECT_FALSE(Regex::Compile("(?:(?:(?:ab){900}){900}){900}").ok());
}

TEST(RegexTest, WorkIsBoundedForPatternsThatExplode) {
  const std::string text(20000, 'a');
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(SplitWith({"(?:a|aa)+b", "a*a*a*b"}, text), Pieces{text});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(PreTokenizerTest, SplitsAsTheNamedModelsDo) {
  EXPECT_EQ(SplitLike("gpt-2", "Hello world  it's 2024!\n\n x"),
            (Pieces{"Hello", " world", " ", " it", "'s", " 2024", "!", "\n\n", " x"}));
  EXPECT_EQ(SplitLike("llama-bpe", "I'LL take 12345 (x)\r\n  y  "),
            (Pieces{"I", "'LL", " take", " ", "123", "45", " (", "x", ")\r\n", " ", " y", "  "}));
  EXPECT_EQ(SplitLike("qwen2", "ab 12\n\n"), (Pieces{"ab", " ", "1", "2", "\n\n"}));
  EXPECT_EQ(SplitLike("tekken", "HelloWorld Ab12"), (Pieces{"Hello", "World", " Ab", "1", "2"}));
  EXPECT_EQ(SplitLike("starcoder", "a 12 b"), (Pieces{"a", " ", "1", "2", " b"}));
  EXPECT_EQ(SplitLike("deepseek-v3", "中文ab1234"), (Pieces{"中文", "ab", "123", "4"}));
  EXPECT_EQ(SplitLike("deepseek-coder", "中文 ab\n12"), (Pieces{"中文", " ab", "\n", "1", "2"}));
}

TEST(PreTokenizerTest, EveryRowCompilesAndLosesNothing) {
  Rng rng(3);
  std::string text;
  for (int i = 0; i < 3000; ++i) {
    const uint64_t kind = rng.NextBelow(6);
    if (kind == 0) text.push_back(" \n\t\r"[rng.NextBelow(4)]);
    if (kind <= 2) text.push_back(static_cast<char>(33 + rng.NextBelow(94)));
    if (kind == 3) AppendUtf8(&text, static_cast<char32_t>(0x4E00 + rng.NextBelow(500)));
    if (kind == 4) AppendUtf8(&text, static_cast<char32_t>(0xA0 + rng.NextBelow(0x2F00)));
    if (kind == 5) text.push_back(static_cast<char>(rng.NextBelow(256)));
  }
  for (const PreTokenizerRow& row : PreTokenizers()) {
    std::string joined;
    for (const std::string& piece : SplitWith({row.regexes.begin(), row.regexes.end()}, text)) {
      EXPECT_FALSE(piece.empty());
      joined += piece;
    }
    EXPECT_EQ(joined, text) << row.name;
  }
}

TEST(PreTokenizerTest, ExpressionsAreRecognisedInTheirSpellings) {
  const std::string llama3 =
      "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\\p{L}\\p{N}]?\\p{L}+|"
      "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+";
  EXPECT_EQ(RecognisePreTokenizer(std::vector{llama3}, true)->name, "llama-bpe");
  EXPECT_EQ(RecognisePreTokenizer(std::vector{llama3}, false)->name, "smaug-bpe");
  EXPECT_EQ(RecognisePreTokenizer(std::vector<std::string>{"x"}, false), nullptr);
}

}  // namespace
}  // namespace autoglm

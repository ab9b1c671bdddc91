// Grammars over a small vocabulary: what they permit, token by token, against their bytes.
#include "sampling/grammar/grammar.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/utf8.h"
#include "sampling/grammar/builtin.h"
#include "sampling/grammar/grammar_constraint.h"

namespace autoglm {
namespace {

/// All bytes, longer tokens that cut across rules and characters, control tokens, two ends.
std::shared_ptr<const GrammarVocabulary> TestVocabulary() {
  static const std::vector<std::string> kLonger = {"\",",
                                                   "\":",
                                                   "\"}",
                                                   "{\"",
                                                   "}}",
                                                   "]}",
                                                   ",\"",
                                                   "ab",
                                                   "abc",
                                                   "true",
                                                   "tru",
                                                   "false",
                                                   "null",
                                                   " \"",
                                                   "\xE4\xBD",
                                                   "\xA0\xE5\xA5",
                                                   "\xE4\xBD\xA0\xE5",
                                                   "12",
                                                   "345",
                                                   "0.",
                                                   "\": \"",
                                                   "aaaaaaaa",
                                                   "  ",
                                                   "\n ",
                                                   "do(",
                                                   "do(action=\"",
                                                   "Tap\"",
                                                   "bc\"}",
                                                   "x\",\"",
                                                   "\\\"",
                                                   "\\u00",
                                                   "",
                                                   "<tool>"};
  constexpr int kBytes = 256;
  const auto n = static_cast<int32_t>(kBytes + kLonger.size());
  return std::make_shared<const GrammarVocabulary>(n + 5, [n](int32_t id) -> GrammarToken {
    static std::string byte;
    using Kind = GrammarToken::Kind;
    if (id < kBytes) {
      byte.assign(1, static_cast<char>(id));
      static std::vector<std::string> bytes(kBytes);
      bytes[id] = byte;
      return {Kind::kText, bytes[id]};
    }
    if (id < n) return {Kind::kText, kLonger[id - kBytes]};
    if (id == n) return {Kind::kControl, "<|call|>"};
    if (id == n + 1) return {Kind::kControl, "<|other|>"};
    if (id == n + 2) return {Kind::kNever, "never"};
    return {Kind::kEnd};
  });
}

/// Many tokens that begin alike, with characters beyond ASCII, also cut off.
std::shared_ptr<const GrammarVocabulary> LargeVocabulary() {
  static const std::vector<std::string> tokens = [] {
    constexpr std::string_view kParts[] = {"a",
                                           "b",
                                           "c",
                                           "t",
                                           "e",
                                           "A",
                                           "Q",
                                           "7",
                                           "0",
                                           " ",
                                           "\n",
                                           "\"",
                                           "\\",
                                           "{",
                                           "}",
                                           ",",
                                           ":",
                                           "[",
                                           "]",
                                           ".",
                                           "\x01",
                                           "\xC3\xA4",
                                           "\xE4\xBD\xA0",
                                           "\xE5\xA5\xBD",
                                           "\xF0\x9F\x98\x80",
                                           "\xE4\xBD",
                                           "\xA0",
                                           "\xC3",
                                           "\xFF"};
    Rng rng(3);
    std::vector<std::string> made;
    for (int byte = 0; byte < 256; ++byte) made.emplace_back(1, static_cast<char>(byte));
    while (made.size() < 1500) {
      // Mostly a longer form of an earlier token, so that there are large subtrees.
      std::string token = rng.NextBelow(4) == 0 ? "" : made[rng.NextBelow(made.size())];
      for (uint64_t n = 1 + rng.NextBelow(3); n > 0; --n) {
        token += kParts[rng.NextBelow(rng.NextBelow(2) ? 10 : std::size(kParts))];
      }
      if (token.size() < 40) made.push_back(std::move(token));
    }
    made.emplace_back(200, ' ');  // longer than Automaton::kSimilarBytes
    made.emplace_back(300, 'a');
    return made;
  }();
  const auto n = static_cast<int32_t>(tokens.size());
  return std::make_shared<const GrammarVocabulary>(n + 1, [n](int32_t id) -> GrammarToken {
    if (id == n) return {GrammarToken::Kind::kEnd};
    return {GrammarToken::Kind::kText, tokens[id]};
  });
}

int32_t ControlId(const GrammarVocabulary& vocabulary, std::string_view name) {
  return vocabulary.FindControl(name);
}

GrammarMatcher Matcher(const std::string& gbnf, GrammarSpec spec = {},
                       std::shared_ptr<const GrammarVocabulary> vocabulary = TestVocabulary()) {
  spec.gbnf = gbnf;
  auto grammar = Grammar::Compile(spec, std::move(vocabulary));
  EXPECT_TRUE(grammar.ok()) << grammar.status().ToString();
  return GrammarMatcher(*grammar);
}

std::string Refusal(const std::string& gbnf, GrammarSpec spec = {}) {
  spec.gbnf = gbnf;
  return Grammar::Compile(spec, TestVocabulary()).status().message();
}

bool Matches(const std::string& gbnf, const std::string& text) {
  GrammarMatcher matcher = Matcher(gbnf);
  return matcher.AcceptText(text) == text.size() && matcher.CanEnd();
}

/// The ids that the mask leaves.
std::vector<bool> Masked(const GrammarMatcher& matcher) {
  std::vector<float> logits(matcher.grammar().vocabulary()->size(), 1.0f);
  EXPECT_TRUE(matcher.MaskLogits(logits).ok());
  std::vector<bool> allowed;
  for (const float logit : logits) allowed.push_back(logit == 1.0f);
  return allowed;
}

/// Walks at random through the grammar; at each step the mask must be what the bytes say.
void ExpectMasksAgree(const std::string& gbnf, uint64_t seed, GrammarSpec spec = {}) {
  Rng rng(seed);
  for (int walk = 0; walk < 8; ++walk) {
    GrammarMatcher matcher = Matcher(gbnf, spec);
    for (int step = 0; step < 60 && !matcher.ended(); ++step) {
      const std::vector<bool> allowed = Masked(matcher);
      std::vector<int32_t> ids;
      for (int32_t id = 0; id < static_cast<int32_t>(allowed.size()); ++id) {
        ASSERT_EQ(allowed[id], matcher.Allows(id)) << gbnf << " step " << step << " token " << id;
        if (allowed[id]) ids.push_back(id);
      }
      ASSERT_FALSE(ids.empty()) << gbnf << " step " << step;
      ASSERT_TRUE(matcher.Accept(ids[rng.NextBelow(ids.size())]).ok());
    }
  }
}

TEST(Grammar, MatchesWhatItsRulesSay) {
  const char* kList = "root ::= \"[\" (item (\",\" item)*)? \"]\"\nitem ::= [a-c]+ | root";
  EXPECT_TRUE(Matches(kList, "[]"));
  EXPECT_TRUE(Matches(kList, "[ab,[c,[]],a]"));
  EXPECT_FALSE(Matches(kList, "[ab,"));
  EXPECT_FALSE(Matches(kList, "[ab,]"));
  EXPECT_FALSE(Matches(kList, "[d]"));
  EXPECT_TRUE(Matches("root ::= \"a\"{2,4} \"b\"?", "aaab"));
  EXPECT_FALSE(Matches("root ::= \"a\"{2,4} \"b\"?", "ab"));
  EXPECT_FALSE(Matches("root ::= \"a\"{2,4} \"b\"?", "aaaaab"));
  EXPECT_TRUE(Matches("root ::= \"a\"{2,}", "aaaaaaaa"));
  EXPECT_FALSE(Matches("root ::= \"a\"{,2}", "aaa"));
  EXPECT_TRUE(Matches("root ::= ((\"a\"?)*)* \"b\"", "aab"));
  EXPECT_TRUE(Matches("root ::= [^a-y]", "z"));
  EXPECT_TRUE(Matches("root ::= \"\\x41\\u00e9\\U0001F600\\\"\"", "A\xC3\xA9\xF0\x9F\x98\x80\""));
}

TEST(Grammar, CharactersAreTheirBytes) {
  EXPECT_TRUE(Matches("root ::= .", "\xE4\xBD\xA0"));
  EXPECT_TRUE(Matches("root ::= .", "\xF0\x9F\x98\x80"));
  EXPECT_FALSE(Matches("root ::= .", "\xED\xA0\x80"));  // a surrogate
  EXPECT_FALSE(Matches("root ::= .", "\xC0\x80"));      // overlong
  EXPECT_FALSE(Matches("root ::= .", "\xFF"));
  EXPECT_TRUE(Matches("root ::= [\xC3\xA4-\xE4\xBD\xA0]", "\xE0\xA0\x80"));
  EXPECT_FALSE(Matches("root ::= [\xC3\xA4-\xE4\xBD\xA0]", "\xE4\xBD\xA1"));
  // Every character on either side of a class, at the borders of each length.
  for (const char32_t c : {0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xD7FFu, 0xE000u, 0xFFFFu, 0x10000u}) {
    for (char32_t other = c - 1; other <= c + 1; ++other) {
      if (other >= 0xD800 && other <= 0xDFFF) continue;
      std::string gbnf = "root ::= [", text;
      AppendUtf8(&gbnf, c);
      gbnf += "]";
      AppendUtf8(&text, other);
      EXPECT_EQ(Matches(gbnf, text), other == c) << uint32_t{c} << " " << uint32_t{other};
    }
  }
}

TEST(Grammar, MasksAreWhatTheBytesSay) {
  ExpectMasksAgree("root ::= \"do(action=\\\"\" (\"Tap\" | \"Type\") \"\\\")\"", 1);
  ExpectMasksAgree(
      "root ::= \"{\" pair (\",\" pair)* \"}\"\npair ::= str \":\" (str | root)\n"
      "str ::= \"\\\"\" [^\"\\\\]* \"\\\"\"",
      2);
  ExpectMasksAgree("root ::= [a-z]{3,300} \".\"", 3);
  ExpectMasksAgree("root ::= \"(\" (root | \"x\")? \")\" | \"(\" root \"]\"", 4);
  ExpectMasksAgree("root ::= .*", 5);
  ExpectMasksAgree("root ::= (\"ab\" | \"abc\" | [a-z] <|call|>)* <|other|>", 6);
  ExpectMasksAgree(*ResolveGrammar("json"), 7);
  ExpectMasksAgree(*ResolveGrammar("autoglm"), 8);
}

TEST(Grammar, MasksOverManyTokensAreWhatTheBytesSay) {
  const auto vocabulary = LargeVocabulary();
  for (const std::string& gbnf :
       {*ResolveGrammar("json"), *ResolveGrammar("autoglm"), std::string("root ::= [a-z]* [^a-z]"),
        std::string(R"(root ::= "\"" ([^"\\] | "\\" .){0,400} "\"")"),
        std::string("root ::= x (\",\" x)*\nx ::= [^,]{1,30} | \"(\" x \")\"\n"),
        std::string("root ::= ([a-m]* | [a-z \u4f60]{2,9})* \"!\"")}) {
    Rng rng(gbnf.size());
    GrammarMatcher matcher = Matcher(gbnf, {}, vocabulary);
    for (int step = 0; step < 30 && !matcher.ended(); ++step) {
      const std::vector<bool> allowed = Masked(matcher);
      std::vector<int32_t> ids;
      for (int32_t id = 0; id < static_cast<int32_t>(allowed.size()); ++id) {
        ASSERT_EQ(allowed[id], matcher.Allows(id)) << gbnf << " step " << step << " token " << id;
        // Not the end, where there is another way.
        if (allowed[id] && (ids.empty() || id + 1 < vocabulary->size())) ids.push_back(id);
      }
      ASSERT_FALSE(ids.empty()) << gbnf << " step " << step;
      ASSERT_TRUE(matcher.Accept(ids[rng.NextBelow(ids.size())]).ok());
    }
  }
}

void ExpectMaskAgrees(const GrammarMatcher& matcher, const std::string& where) {
  const std::vector<bool> allowed = Masked(matcher);
  for (int32_t id = 0; id < static_cast<int32_t>(allowed.size()); ++id) {
    ASSERT_EQ(allowed[id], matcher.Allows(id)) << where << " token " << id;
  }
}

// With so many characters left as tokens have, each length counts.
TEST(Grammar, MasksOfBoundedStringsAreExactUpToTheirEnd) {
  const auto vocabulary = LargeVocabulary();
  for (const std::string gbnf :
       {R"(root ::= "\"" ([^"\\\x00-\x1F] | "\\" .){0,35} "\"" [0-9])",
        R"(root ::= "\"" [^"]{0,28} "b"? "\"")", R"(root ::= "\"" x "</" | "\"a"
           x ::= [^<]{0,35})",
        R"(root ::= "\"" x
           x ::= [^<]{0,35})",
        R"(root ::= "\"" x [a-c ]{0,30} "<"
           x ::= [^<]{0,9})",
        R"(root ::= "\"" ([^"<\\]{0,8} | [^"\\]{0,30}) "\"")", R"(root ::= "\"" [a-z ]{0,35} "\"")",
        R"(root ::= "\"" [^\u4f60]{24} ".")"}) {
    GrammarMatcher matcher = Matcher(gbnf, {}, vocabulary);
    ASSERT_EQ(matcher.AcceptText("\""), 1u);
    for (int n = 0; n <= 35; ++n) {
      ExpectMaskAgrees(matcher, StrCat(gbnf, " after ", n));
      if (matcher.AcceptText("a") != 1) break;
    }
  }
}

TEST(Grammar, TokensThatAreNoUtf8AreNotPermittedWithTheirNeighbours) {
  // Many that begin alike: overlong forms, surrogates, beyond the last plane.
  static const std::vector<std::string> tokens = [] {
    std::vector<std::string> made;
    for (const std::string_view lead : {"\xE0", "\xED", "\xF0", "\xF4", "\xE4"}) {
      for (int second = 0x80; second <= 0xBF; ++second) {
        std::string token(lead);
        token += static_cast<char>(second);
        for (const char* end : {"", "\x80", "\x81", "\x80\x80"}) made.push_back(token + end);
      }
    }
    return made;
  }();
  const auto n = static_cast<int32_t>(tokens.size());
  const auto vocabulary =
      std::make_shared<const GrammarVocabulary>(n + 1, [n](int32_t id) -> GrammarToken {
        if (id == n) return {GrammarToken::Kind::kEnd};
        return {GrammarToken::Kind::kText, tokens[id]};
      });
  for (const char* gbnf : {"root ::= .*", "root ::= [^\"]{0,3} \"x\""}) {
    ExpectMaskAgrees(Matcher(gbnf, {}, vocabulary), gbnf);
  }
}

TEST(PlainTokens, CountsCharactersOfCommonTextOnly) {
  EXPECT_EQ(PlainTokens::CountChars("abc Z9>"), 7);
  EXPECT_EQ(PlainTokens::CountChars("\xE4\xBD\xA0\xC3\xA4"), 2);
  EXPECT_EQ(PlainTokens::CountChars("a\xE4\xBD"), 2);  // cut off
  for (const char* other : {"", "a\"", "\\", "a<b", "a\n", "\x7F", "\xA0",
                            "\xBD\xA0"
                            "a",
                            "\xED\xA0"}) {
    EXPECT_EQ(PlainTokens::CountChars(other), 0) << other;
  }
  EXPECT_EQ(PlainTokens::CountChars(std::string(PlainTokens::kMaxChars, 'a')),
            PlainTokens::kMaxChars);
  EXPECT_EQ(PlainTokens::CountChars(std::string(PlainTokens::kMaxChars + 1, 'a')), 0);
}

TEST(Grammar, LongRepetitionsAreExactNearBothEnds) {
  for (const int n : {1, 159, 160, 161, 162, 163, 300, 321, 322, 323}) {
    const std::string gbnf = StrCat("root ::= \"a\"{", n, ",", 2 * n, "} \"b\"");
    for (const int count : {n - 1, n, n + 1, 2 * n - 1, 2 * n, 2 * n + 1}) {
      GrammarMatcher matcher = Matcher(gbnf);
      const std::string text(count, 'a');
      const bool fits = count <= 2 * n;
      ASSERT_EQ(matcher.AcceptText(text) == text.size(), fits) << n << " " << count;
      if (!fits) continue;
      ExpectMaskAgrees(matcher, StrCat(n, " ", count));
    }
  }
}

TEST(Grammar, ControlTokensOnlyWhereAskedForAndEndsOnlyAtTheEnd) {
  GrammarMatcher matcher = Matcher("root ::= \"a\" <|call|> .? ");
  const GrammarVocabulary& vocabulary = *matcher.grammar().vocabulary();
  const int32_t call = ControlId(vocabulary, "<|call|>");
  EXPECT_FALSE(matcher.Allows(call));
  ASSERT_TRUE(matcher.Accept('a').ok());
  EXPECT_TRUE(matcher.Allows(call));
  EXPECT_FALSE(matcher.Allows(ControlId(vocabulary, "<|other|>")));
  EXPECT_FALSE(matcher.Allows(vocabulary.end_tokens()[0]));
  ASSERT_TRUE(matcher.Accept(call).ok());
  EXPECT_TRUE(matcher.CanEnd());
  EXPECT_FALSE(matcher.IsComplete());
  EXPECT_TRUE(matcher.Allows(vocabulary.end_tokens()[1]));
  GrammarMatcher other = matcher;
  ASSERT_TRUE(matcher.Accept(vocabulary.end_tokens()[0]).ok());
  EXPECT_TRUE(matcher.ended());
  ASSERT_TRUE(other.Accept(0xE4).ok());  // the first byte of a character
  EXPECT_FALSE(other.CanEnd());
  EXPECT_EQ(other.Accept(call).code(), StatusCode::kInvalidArgument);
}

TEST(Grammar, ForcesWhatHasNoAlternative) {
  EXPECT_EQ(Matcher("root ::= \"abc\" [d-e] \"f\"").Forced(100), "abc");
  EXPECT_EQ(Matcher("root ::= \"abc\" (\"xy\" | \"xz\")").Forced(100), "abcx");
  EXPECT_EQ(Matcher("root ::= \"abc\" (\"xy\" | \"xz\")").Forced(2), "ab");
  EXPECT_EQ(Matcher("root ::= \"ab\" \"c\"?").Forced(100), "ab");
  EXPECT_TRUE(Matcher("root ::= \"ab\" [c-d]").MayOverrun("ab"));  // abc is a token
  EXPECT_FALSE(Matcher("root ::= \"ab\" \"d\"").MayOverrun("ab"));
  EXPECT_FALSE(Matcher("root ::= \"zb\" [c-d]").MayOverrun("zb"));
}

TEST(Grammar, TriggersLeaveTheTextFreeUntilThey) {
  GrammarSpec spec;
  spec.triggers = {{"<tool>", "call"}, {"<|call|>", "call"}};
  const std::string gbnf = "call ::= \"{\" [a-c]* \"}\"";
  GrammarMatcher matcher = Matcher(gbnf, spec);
  const GrammarVocabulary& vocabulary = *matcher.grammar().vocabulary();
  EXPECT_TRUE(matcher.CanEnd());
  EXPECT_TRUE(matcher.Allows(ControlId(vocabulary, "<|other|>")));
  EXPECT_TRUE(matcher.Allows(0xFF));  // no text, but free
  EXPECT_EQ(matcher.AcceptText("x <too <<tool>"), 14u);
  EXPECT_FALSE(matcher.CanEnd());
  EXPECT_FALSE(matcher.Allows('x'));
  EXPECT_EQ(matcher.Forced(9), "{");
  EXPECT_EQ(matcher.AcceptText("{ab}"), 4u);
  EXPECT_TRUE(matcher.IsComplete());

  GrammarMatcher by_token = Matcher(gbnf, spec);
  ASSERT_TRUE(by_token.Accept(ControlId(vocabulary, "<|other|>")).ok());
  ASSERT_TRUE(by_token.Accept(ControlId(vocabulary, "<|call|>")).ok());
  EXPECT_EQ(by_token.Forced(9), "{");

  spec.repeat = true;
  GrammarMatcher repeated = Matcher(gbnf, spec);
  EXPECT_EQ(repeated.AcceptText("<tool>{} and <tool>{c} "), 23u);
  EXPECT_TRUE(repeated.CanEnd());
  EXPECT_EQ(repeated.AcceptText("<tool>}"), 6u);

  spec.required = true;
  GrammarMatcher required = Matcher(gbnf, spec);
  EXPECT_EQ(required.AcceptText("so "), 3u);
  EXPECT_FALSE(required.CanEnd());
  EXPECT_EQ(required.AcceptText("<tool>{}"), 8u);
  EXPECT_TRUE(required.CanEnd());
  for (const bool repeat : {false, true}) {
    spec.repeat = repeat;
    ExpectMasksAgree(gbnf, 9 + repeat, spec);
  }
}

TEST(Grammar, RefusesWhatIsNoGrammarWithItsPlace) {
  EXPECT_NE(Refusal("root ::= \"a\" |\n  [b-").find("line 2, column 3"), std::string::npos);
  EXPECT_NE(Refusal("root ::= x").find("'x'"), std::string::npos);
  EXPECT_NE(Refusal("root ::= \"a\"\nroot ::= \"b\"").find("line 2"), std::string::npos);
  EXPECT_NE(Refusal("start ::= \"a\"").find("'root'"), std::string::npos);
  EXPECT_NE(Refusal("root ::= \"a\" root").find("never"), std::string::npos);
  EXPECT_NE(Refusal("root ::= <|none|>").find("<|none|>"), std::string::npos);
  for (const char* text :
       {"", "root", "root ::=\"", "root ::= (\"a\"", "root ::= \"a\")", "root ::= [", "root ::= []",
        "root ::= [z-a]", "root ::= \"\\q\"", "root ::= \"\\xZ1\"", "root ::= \"\\uD800\"",
        "root ::= \"a\"{3,2}", "root ::= \"a\"{,", "root ::= <", "root ::= \"a\"{70000}",
        "root ::= \"\xFF\"", "::= \"a\"", "root := \"a\""}) {
    EXPECT_FALSE(Refusal(text).empty()) << text;
  }
  EXPECT_NE(Refusal("root ::= " + std::string(300, '(')).find("nested"), std::string::npos);
}

TEST(Grammar, LeftRecursionIsRefusedByName) {
  EXPECT_NE(Refusal("root ::= expr\nexpr ::= expr \"+\" \"1\" | \"1\"").find("'expr'"),
            std::string::npos);
  const std::string hidden = Refusal("root ::= \"\" a\na ::= \"x\"? b \"y\"\nb ::= a | \"z\"");
  EXPECT_NE(hidden.find("'a'"), std::string::npos);
  EXPECT_NE(hidden.find("'b'"), std::string::npos);
  EXPECT_EQ(Refusal("root ::= \"(\" root \")\" | \"x\" root | \"\""), "");
}

TEST(Grammar, ResourcesAreBounded) {
  EXPECT_NE(Refusal("root ::= ((\"a\"{1000}){1000}){1000}").find("states"), std::string::npos);
  EXPECT_EQ(Refusal("root ::= (((\"\"{60000}){60000}){60000}){60000} \"a\""), "");
  // Deeper than the limit: not permitted, and nothing else goes wrong.
  GrammarMatcher deep = Matcher("root ::= \"(\" root \")\" | \"x\"");
  EXPECT_EQ(deep.AcceptText(std::string(100'000, '(')), 512u);
  // A rule that ends with itself needs no depth.
  GrammarMatcher tail = Matcher("root ::= \"a\" root | \"b\"");
  EXPECT_EQ(tail.AcceptText(std::string(100'000, 'a')), 100'000u);
}

TEST(Grammar, AmbiguousGrammarsStayCheap) {
  // 2^n ways to read n characters.
  GrammarMatcher matcher = Matcher(
      "root ::= (a | b)* \"!\"\na ::= \"x\" a \"1\" | \"x\"\n"
      "b ::= \"x\" b \"2\" | \"x\"");
  EXPECT_EQ(matcher.AcceptText(std::string(300, 'x')), 300u);
  EXPECT_TRUE(matcher.Allows('!'));
  EXPECT_TRUE(matcher.Allows('1'));
  GrammarMatcher sums =
      Matcher("root ::= e\ne ::= t (\"+\" e)? | t \"+\" e | t\nt ::= \"1\" | \"(\" e \")\"");
  std::string text;
  for (int i = 0; i < 200; ++i) text += "(1+";
  EXPECT_EQ(sums.AcceptText(text), text.size());
}

TEST(Grammar, SmallCachesGiveTheSameAnswers) {
  GrammarLimits tiny;
  tiny.max_stack_bytes = 2000;
  tiny.max_mask_bytes = 200;
  const std::string json = *ResolveGrammar("json");
  auto grammar = Grammar::Compile({.gbnf = json}, TestVocabulary(), tiny);
  ASSERT_TRUE(grammar.ok());
  GrammarMatcher small(*grammar);
  GrammarMatcher large = Matcher(json);
  const std::string text = "{\"a\": [1, {\"b\": [[[{\"c\": \"x\\u00e9\"}]]]}], \"d\": false}";
  for (const char c : text) {
    ASSERT_EQ(Masked(small), Masked(large));
    ASSERT_TRUE(small.Accept(static_cast<uint8_t>(c)).ok());
    ASSERT_TRUE(large.Accept(static_cast<uint8_t>(c)).ok());
  }
  EXPECT_TRUE(small.CanEnd());
  EXPECT_LT((*grammar)->cache_bytes(), 100'000u);
}

TEST(GrammarConstraint, CopiesGoOnAloneAndFailuresAreKept) {
  GrammarConstraint constraint(Matcher("root ::= \"ab\""));
  constraint.Accept('a');
  const std::unique_ptr<LogitTransform> copy = constraint.Clone();
  constraint.Accept('x');
  EXPECT_EQ(constraint.status().code(), StatusCode::kInvalidArgument);
  std::vector<float> logits(TestVocabulary()->size(), 0);
  CandidateList candidates;
  candidates.Reset(logits);
  copy->Apply(candidates);
  EXPECT_EQ(logits['b'], 0);
  EXPECT_EQ(logits['a'], -INFINITY);
  constraint.Reset();
  EXPECT_TRUE(constraint.status().ok());
}

}  // namespace
}  // namespace autoglm

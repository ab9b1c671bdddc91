// ParseAction, and that it and the grammars agree on what an action is.
#include "autoglm/action.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "sampling/grammar/builtin.h"
#include "sampling/grammar/grammar.h"

namespace autoglm {
namespace {

bool Accepts(const Grammar& grammar, std::string_view text) {
  GrammarMatcher matcher(std::shared_ptr<const Grammar>(&grammar, [](const Grammar*) {}));
  return matcher.AcceptText(text) == text.size() && matcher.CanEnd();
}

std::shared_ptr<const Grammar> Builtin(std::string_view name) {
  auto grammar = Grammar::Compile({.gbnf = ResolveGrammar(name).value()}, nullptr);
  EXPECT_TRUE(grammar.ok()) << grammar.status().ToString();
  return grammar.ok() ? *grammar : nullptr;
}

bool AcceptsFor(std::string_view sentence, std::string_view answer) {
  const auto grammar = Grammar::Compile({.gbnf = PhoneActionsGrammar(sentence)}, nullptr);
  EXPECT_TRUE(grammar.ok()) << grammar.status().ToString();
  return grammar.ok() && Accepts(**grammar, answer);
}

TEST(ParseAction, ReadsNameAndParametersInTheirOrder) {
  const auto action = ParseAction(" do(action=\"SetAlarm\", time=\"07:00\", day='tomorrow')\n");
  ASSERT_TRUE(action.ok()) << action.status().ToString();
  EXPECT_EQ(action->name, "SetAlarm");
  EXPECT_EQ(action->parameters_json, R"({"time":"07:00","day":"tomorrow"})");
}

TEST(ParseAction, ReadsEveryKindOfValue) {
  const auto action = ParseAction(
      R"(do(action="X", a=[499, 182], b=-1.5, c=True, d=None, e="q\"\\\n\t", f=[], g=2e3, h=False))");
  ASSERT_TRUE(action.ok()) << action.status().ToString();
  EXPECT_EQ(
      action->parameters_json,
      R"({"a":[499,182],"b":-1.5,"c":true,"d":null,"e":"q\"\\\n\t","f":[],"g":2000.0,"h":false})");
}

TEST(ParseAction, TypedTextAndTheFinalMessageStandAsTheyAre) {
  const auto typed = ParseAction("do(action=\"Type\", text=\"say \"hi\\n\", ok\")");
  ASSERT_TRUE(typed.ok()) << typed.status().ToString();
  EXPECT_EQ(typed->parameters_json, R"({"text":"say \"hi\\n\", ok"})");
  const auto done = ParseAction("finish(message=\"It is \"done\".\")");
  ASSERT_TRUE(done.ok()) << done.status().ToString();
  EXPECT_EQ(done->name, "finish");
  EXPECT_EQ(done->parameters_json, R"({"message":"It is \"done\"."})");
}

TEST(ParseAction, TellsWhereATextIsNoAction) {
  for (const auto& [text, what] : std::initializer_list<std::pair<std::string, std::string>>{
           {"", "expected do(action="},
           {"Sure! do(action=\"Back\")", "at byte 0"},
           {"do(name=\"Back\")", "expected action="},
           {"do(action=\"Back\"", "expected a comma or ) at byte 16, found the end"},
           {"do(action=\"Back\") now", "expected the end at byte 17"},
           {"do(action=\"Call\", contact=\"Anna)", "the end of the string"},
           {"do(action=\"Call\", contact=\"\\x41\")", "behind a backslash"},
           {"do(action=\"Call\", contact=nan)", "expected a value"},
           {"do(action=\"Call\", contact=inf)", "expected a value"},
           {"do(action=\"Call\", contact=-inf)", "expected a value"},
           {"do(action=\"Call\", =\"a\")", "expected a name"},
           {"do(action=\"Call\", a=1, a=2)", "a comes twice, at byte 23"},
           {"do(action=\"Tap\", element=[1,2)", "expected a comma or ]"},
           {"do(action=\"Tap\", element=[[[[[[[[[[1]]]]]]]]]])", "fewer lists"},
           {"finish(message=\"x\"", "that ends with"},
           {"do(action=\"\xFF\")", "not UTF-8"}}) {
    const auto action = ParseAction(text);
    ASSERT_FALSE(action.ok()) << text;
    EXPECT_EQ(action.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(action.status().message().find(what), std::string::npos) << action.status().message();
  }
}

// What the recipe teaches is what the grammar permits and what the parser reads.
TEST(PhoneActions, EverySentenceWrittenByHandHasAnAnswerThatIsAnAction) {
  const auto grammar = Builtin("phone_actions");
  ASSERT_NE(grammar, nullptr);
  std::ifstream file(AUTOGLM_SOURCE_DIR "/recipes/phone_actions/free_test.jsonl");
  int n = 0;
  for (std::string line; std::getline(file, line); ++n) {
    const auto example = nlohmann::json::parse(line);
    const std::string prompt = example.at("prompt"), answer = example.at("answer");
    EXPECT_TRUE(AcceptsFor(prompt, answer)) << line;
    EXPECT_TRUE(Accepts(*grammar, answer)) << answer;
    EXPECT_TRUE(ParseAction(answer).ok()) << answer;
  }
  EXPECT_GE(n, 300);
}

TEST(PhoneActions, TheGrammarRefusesOtherActionsParametersAndForms) {
  const auto grammar = Builtin("phone_actions");
  ASSERT_NE(grammar, nullptr);
  for (const char* good :
       {R"(do(action="SetVolume", level=100))", R"(do(action="SetTimer", duration="1h30m"))",
        R"(do(action="GetWeather"))", R"(do(action="SetAlarm", time="+20m", day="2026-03-05"))",
        R"(do(action="TakeNote", text="a \"b\" \\ 你好"))"}) {
    EXPECT_TRUE(Accepts(*grammar, good)) << good;
  }
  for (const char* bad :
       {R"(do(action="Tap", element=[1,2]))", R"(do(action="SetAlarm"))",
        R"(do(action="SetAlarm", time="7:00"))", R"(do(action="SetAlarm", time="24:00"))",
        R"(do(action="SetVolume", level=101))", R"(do(action="SetVolume", level="50"))",
        R"(do(action="Flashlight", state="of"))", R"(do(action="Call", contact=""))",
        R"(do(action="None", text="x"))", R"(do(action="SetTimer", duration="0m"))"}) {
    EXPECT_FALSE(Accepts(*grammar, bad)) << bad;
  }
}

TEST(PhoneActions, ValuesAreWholeWordsOfTheSentence) {
  EXPECT_TRUE(AcceptsFor("call my mom, please", R"(do(action="Call", contact="mom"))"));
  EXPECT_TRUE(AcceptsFor("call my mom, please", R"(do(action="Call", contact="my mom, please"))"));
  EXPECT_FALSE(AcceptsFor("call my mom, please", R"(do(action="Call", contact="mo"))"));
  EXPECT_FALSE(AcceptsFor("call my mom, please", R"(do(action="Call", contact="Mom"))"));
  EXPECT_FALSE(AcceptsFor("call my mom, please", R"(do(action="Call", contact="my  mom"))"));
  EXPECT_FALSE(AcceptsFor("call my mom, please", R"(do(action="Call", contact="please my"))"));
  EXPECT_FALSE(AcceptsFor("call my mom, please", R"(do(action="Call", contact=""))"));
  EXPECT_TRUE(AcceptsFor("给王伟打电话", R"(do(action="Call", contact="王伟"))"));
  EXPECT_FALSE(AcceptsFor("给王伟打电话", R"(do(action="Call", contact="伟王"))"));
  EXPECT_TRUE(
      AcceptsFor("note: a \"b\" \\ c\nd", R"(do(action="TakeNote", text="a \"b\" \\ c\nd"))"));
}

TEST(PhoneActions, SentencesThatNarrowNothingGetTheWholeGrammar) {
  const std::string whole = ResolveGrammar("phone_actions").value();
  for (const std::string& sentence :
       {std::string(), std::string(" \n"), std::string("\x01\x02"), std::string(513, '!')}) {
    EXPECT_EQ(PhoneActionsGrammar(sentence), whole);
  }
  EXPECT_TRUE(
      AcceptsFor("a\x01"
                 "b",
                 R"(do(action="Call", contact="b"))"));
  EXPECT_TRUE(AcceptsFor("call \xFF now", R"(do(action="Call", contact="now"))"));
}

}  // namespace
}  // namespace autoglm

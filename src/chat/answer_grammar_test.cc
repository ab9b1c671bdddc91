// MakeAnswerGrammar over every family: what a model may write is what the tools permit.
#include "chat/answer_grammar.h"

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "chat/answer_for_test.h"
#include "chat/call_writer.h"
#include "chat/gbnf_text.h"
#include "chat/syntax_templates_for_test.h"
#include "sampling/grammar/grammar.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kTools = R"([
  {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object",
   "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1},
                  "unit": {"type": "string", "enum": ["celsius", "kelvin"]},
                  "note": {"type": ["string", "null"]}},
   "required": ["city", "unit"]}}},
  {"type": "function", "function": {"name": "stop"}}])";

struct Request {
  explicit Request(const char* chat_template)
      : syntax(FindToolFormat(chat_template).syntax(chat_template)),
        tools(ParseTools(Json::parse(kTools)).value()) {
    options.syntax = &syntax;
    options.tools = tools;
  }

  std::string Write(std::string_view arguments, int n = 1) const {
    return WriteCalls(syntax, std::vector<ToolCall>(
                                  n, {"abcdefgh1", "get_weather", std::string(arguments), true}));
  }
  std::string Stop() const {
    return WriteCalls(syntax, std::vector<ToolCall>{{"abcdefgh1", "stop", "{}", true}});
  }

  bool Accepts(std::string_view text) const {
    const Result<GrammarSpec> spec = MakeAnswerGrammar(options);
    EXPECT_TRUE(spec.ok()) << spec.status().ToString();
    const auto grammar = Grammar::Compile(*spec, nullptr);
    EXPECT_TRUE(grammar.ok()) << grammar.status().ToString() << "\n" << spec->gbnf;
    if (!grammar.ok()) return false;
    GrammarMatcher matcher(*grammar);
    return matcher.AcceptText(text) == text.size() && matcher.CanEnd();
  }

  CallSyntax syntax;
  std::vector<ToolSpec> tools;
  AnswerGrammarOptions options;
};

constexpr const char* kGood = R"({"city": "Paris <b>", "days": 3, "unit": "kelvin"})";

TEST(AnswerGrammarTest, CallsThatFitTheSchemaAreAcceptedInEveryFamilyAndOthersNot) {
  for (const char* chat_template : kSyntaxTemplates) {
    SCOPED_TRACE(chat_template);
    Request request(chat_template);
    for (const auto mode : {ToolChoice::Mode::kAuto, ToolChoice::Mode::kRequired}) {
      request.options.choice.mode = mode;
      const bool trigger = mode == ToolChoice::Mode::kAuto && !request.syntax.trigger.empty();
      const std::string before = trigger ? "Let me see.\n" : "";
      EXPECT_TRUE(request.Accepts(before + request.Write(kGood)));
      EXPECT_TRUE(request.Accepts(before + request.Write(R"({"city": "", "unit": "celsius"})")));
      EXPECT_TRUE(request.Accepts(before + request.Stop()));
      const bool parallel = request.syntax.parallel;
      EXPECT_EQ(request.Accepts(before + request.Write(kGood, 2)), parallel);
      for (const char* wrong :
           {R"({"city": "x", "days": 0, "unit": "kelvin"})", R"({"unit": "kelvin"})",
            R"({"city": "x", "unit": "rankine"})", R"({"city": "x", "unit": "kelvin", "q": 1})",
            R"({"city": "x", "days": 1.5, "unit": "kelvin"})", R"({})"}) {
        EXPECT_FALSE(request.Accepts(before + request.Write(wrong))) << wrong;
      }
      EXPECT_FALSE(request.Accepts(before + request.Write(kGood) + "x"));
    }
  }
}

TEST(AnswerGrammarTest, ContentIsFreeWhereNoCallIsDemanded) {
  for (const char* chat_template : kSyntaxTemplates) {
    SCOPED_TRACE(chat_template);
    Request request(chat_template);
    const std::string start = request.syntax.content_on_new_line ? "\n" : "";
    EXPECT_TRUE(request.Accepts(start + "Hello <there> {\"name\": 1}"));
    request.options.choice.mode = ToolChoice::Mode::kRequired;
    EXPECT_FALSE(request.Accepts(start + "Hello"));
    request.options.choice = {ToolChoice::Mode::kNamed, "stop"};
    EXPECT_TRUE(request.Accepts(request.Stop()));
    EXPECT_FALSE(request.Accepts(request.Write(kGood)));
    request.options.choice.mode = ToolChoice::Mode::kNone;
    EXPECT_EQ(MakeAnswerGrammar(request.options)->gbnf, "");
  }
}

TEST(AnswerGrammarTest, OneCallOnlyWhereNotParallel) {
  for (const char* chat_template : kSyntaxTemplates) {
    SCOPED_TRACE(chat_template);
    Request request(chat_template);
    request.options.parallel = false;
    request.options.choice.mode = ToolChoice::Mode::kRequired;
    EXPECT_TRUE(request.Accepts(request.Write(kGood)));
    EXPECT_FALSE(request.Accepts(request.Write(kGood, 2)));
  }
}

TEST(AnswerGrammarTest, ReasoningMayComeFirst) {
  for (const char* chat_template : kSyntaxTemplates) {
    SCOPED_TRACE(chat_template);
    Request request(chat_template);
    request.options.choice.mode = ToolChoice::Mode::kRequired;
    EXPECT_FALSE(request.Accepts("<think>Hm <x></think>\n" + request.Write(kGood)));
    request.options.reasoning = {"<think>", "</think>"};
    const std::string space = request.syntax.content_on_new_line ? "" : "\n\n";
    EXPECT_TRUE(request.Accepts("<think>Hm </thing> <x</think>" + space + request.Write(kGood)));
    EXPECT_TRUE(request.Accepts(request.Write(kGood)));
    request.options.starts_in_reasoning = true;
    EXPECT_TRUE(request.Accepts("Hm</think>" + space + request.Write(kGood)));
    EXPECT_FALSE(request.Accepts("Hm</think>x" + request.Write(kGood)));
    EXPECT_FALSE(request.Accepts(request.Write(kGood)));
  }
}

TEST(AnswerGrammarTest, ReasoningMayMentionWhatBeginsACall) {
  for (const char* chat_template : kSyntaxTemplates) {
    SCOPED_TRACE(chat_template);
    Request request(chat_template);
    request.options.reasoning = {"<think>", "</think>"};
    const std::string reasoning = "Hm " + request.syntax.trigger + " no</think>";
    const std::string before = request.syntax.trigger.empty() ? "" : "So:\n";
    const std::string content = request.syntax.content_on_new_line ? "\nHello" : "Hello";
    EXPECT_TRUE(request.Accepts("<think>" + reasoning + before + request.Write(kGood)));
    EXPECT_TRUE(request.Accepts("<think>" + reasoning + content));
    EXPECT_TRUE(request.Accepts(before + request.Write(kGood)));
    EXPECT_FALSE(request.Accepts("<think>" + reasoning + before + request.Write("{}")));
    request.options.starts_in_reasoning = true;
    EXPECT_TRUE(request.Accepts(reasoning + before + request.Write(kGood)));
    EXPECT_FALSE(request.Accepts(reasoning + before + request.Write("{}")));
  }
}

TEST(AnswerGrammarTest, ContentIsHeldToASchemaBesideCalls) {
  const Json schema = Json::parse(R"({"type": "object", "properties": {"a": {"type": "integer"}},
                                      "required": ["a"]})");
  for (const char* chat_template : kSyntaxTemplates) {
    SCOPED_TRACE(chat_template);
    Request request(chat_template);
    request.options.content_schema = &schema;
    EXPECT_TRUE(request.Accepts(R"({"a": 1})"));
    EXPECT_FALSE(request.Accepts(R"({"a": "x"})"));
    EXPECT_TRUE(request.Accepts(request.Write(kGood)));
    request.options.tools = {};
    EXPECT_TRUE(request.Accepts(R"({"a": 1})"));
    EXPECT_FALSE(request.Accepts(request.Write(kGood)));
  }
}

TEST(AnswerGrammarTest, BareValuesAreHeldToWhatTheyWillBeReadAs) {
  Request request("<tool_call>{function-name}<arg_key>");
  request.options.choice.mode = ToolChoice::Mode::kRequired;
  const auto accepts_note = [&](std::string_view note) {
    return request.Accepts(
        StrCat("<tool_call>get_weather<arg_key>city</arg_key><arg_value>x</arg_value>"
               "<arg_key>unit</arg_key><arg_value>kelvin</arg_value><arg_key>note</arg_key>"
               "<arg_value>",
               note, "</arg_value></tool_call>"));
  };
  EXPECT_TRUE(accepts_note("null"));
  EXPECT_TRUE(accepts_note("Sunny, 12 <"));
  EXPECT_TRUE(accepts_note(""));
  EXPECT_FALSE(accepts_note("12"));
  EXPECT_FALSE(accepts_note("{}"));
  EXPECT_FALSE(accepts_note("a</arg_value>b"));
}

TEST(AnswerGrammarTest, WhatCannotBeHeldToIsRefusedWithItsPlace) {
  const auto error = [](const char* chat_template, const char* parameters) {
    const CallSyntax syntax = FindToolFormat(chat_template).syntax(chat_template);
    const auto tools = ParseTools(
        Json::parse(StrCat(R"([{"function": {"name": "f", "parameters": )", parameters, "}}]")));
    AnswerGrammarOptions options;
    options.syntax = &syntax;
    options.tools = *tools;
    const Status status = MakeAnswerGrammar(options).status();
    EXPECT_FALSE(status.ok()) << parameters;
    return std::string(status.message());
  };
  for (const char* chat_template : {"", "<tool_call>{function-name}<arg_key>"}) {
    const std::string message =
        error(chat_template, R"({"properties": {"a": {"not": {"type": "string"}}}})");
    EXPECT_TRUE(message.starts_with("tools[0].function.parameters: ")) << message;
    EXPECT_TRUE(Contains(message, "/properties/a")) << message;
  }
  const std::string pattern = error("<tool_call>{function-name}<arg_key>",
                                    R"({"properties": {"a": {"type": "string", "pattern": "x"}}})");
  EXPECT_TRUE(Contains(pattern, "/properties/a") && Contains(pattern, "/pattern")) << pattern;
}

TEST(AnswerGrammarTest, MarksThatAreControlTokensStandAsTokens) {
  const FindControlToken find = [](std::string_view name) {
    return name == "[ARGS]" ? 7 : name == "<x>" ? 8 : -1;
  };
  EXPECT_EQ(GbnfText("", find), "\"\"");
  EXPECT_EQ(GbnfText("a[ARGS]<x>b<y>", find), "\"a\" <[7]> <[8]> \"b<y>\"");
}

}  // namespace
}  // namespace autoglm

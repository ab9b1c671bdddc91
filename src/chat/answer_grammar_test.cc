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

// Calls of a function with one argument "a", in both families that write arguments as tags.
struct TaggedArgument {
  static constexpr const char* kTemplates[] = {"<tool_call>{function-name}<arg_key>",
                                               "<tool_call><function=<parameter="};

  explicit TaggedArgument(const char* schema) : schema(schema) {}

  Result<GrammarSpec> Spec(const CallSyntax& syntax) const {
    const auto tools = ParseTools(
        Json::parse(StrCat(R"([{"function": {"name": "f", "parameters": {"properties": {"a": )",
                           schema, R"(}, "required": ["a"]}}}])")));
    AnswerGrammarOptions options;
    options.syntax = &syntax;
    options.tools = *tools;
    options.choice.mode = ToolChoice::Mode::kRequired;
    return MakeAnswerGrammar(options);
  }

  /// In both families, or in neither.
  bool Accepts(std::string_view value) const {
    int n = 0;
    for (const char* chat_template : kTemplates) {
      const CallSyntax syntax = FindToolFormat(chat_template).syntax(chat_template);
      const auto spec = Spec(syntax);
      EXPECT_TRUE(spec.ok()) << spec.status().ToString();
      if (!spec.ok()) return false;
      GrammarMatcher matcher(*Grammar::Compile(*spec, nullptr));
      const std::string text = StrCat(syntax.call_begin, "f", syntax.after_name, syntax.key_begin,
                                      "a", syntax.key_end, syntax.value_begin, value,
                                      syntax.value_end, syntax.arguments_end, syntax.call_end);
      n += matcher.AcceptText(text) == text.size() && matcher.CanEnd();
    }
    EXPECT_TRUE(n == 0 || n == 2) << value;
    return n == 2;
  }

  std::string ErrorText() const {
    const CallSyntax syntax = FindToolFormat(kTemplates[0]).syntax(kTemplates[0]);
    return std::string(Spec(syntax).status().message());
  }

  const char* schema;
};

TEST(AnswerGrammarTest, BareStringsAreHeldToPatternsAndFormats) {
  const TaggedArgument date(R"({"type": "string", "format": "date"})");
  EXPECT_TRUE(date.Accepts("2024-02-29"));
  EXPECT_FALSE(date.Accepts("2023-02-29"));
  EXPECT_FALSE(date.Accepts("\"2024-02-29\""));
  const TaggedArgument code(
      R"({"type": "string", "pattern": "^[A-Z\"]{2}/\\d+$", "maxLength": 5})");
  EXPECT_TRUE(code.Accepts("A\"/12"));
  EXPECT_FALSE(code.Accepts("A\"/123"));
  EXPECT_FALSE(code.Accepts("AB12"));
  const TaggedArgument anything(R"({"type": "string", "pattern": "x"})");
  EXPECT_TRUE(anything.Accepts("a\n\"x\" b"));
  EXPECT_FALSE(anything.Accepts("a b"));
  EXPECT_FALSE(anything.Accepts("x</arg_value>"));
  EXPECT_FALSE(anything.Accepts("x</parameter>"));
  const TaggedArgument bold(R"({"type": "string", "pattern": "^<b>.*</b>$"})");
  EXPECT_TRUE(bold.Accepts("<b>x</b>"));
  EXPECT_FALSE(bold.Accepts("<b>x"));
  const TaggedArgument less(R"({"type": "string", "pattern": "^[<>]{1,3}$"})");
  EXPECT_TRUE(less.Accepts("<><"));
  EXPECT_TRUE(
      Contains(TaggedArgument(R"({"type": "string", "pattern": "^</arg_value>$"})").ErrorText(),
               "/properties/a: /pattern: a text that matches it may hold </arg_value>"));
  EXPECT_TRUE(Contains(
      TaggedArgument(R"({"type": ["string", "null"], "pattern": "x"})").ErrorText(), "/pattern"));
}

TEST(AnswerGrammarTest, JsonBetweenTagsHoldsNoClosingTag) {
  const TaggedArgument any(R"({"type": "array"})");
  EXPECT_TRUE(any.Accepts(R"(["<b>", "a/b", "<<", {"<": 1}, "\u003c/"])"));
  EXPECT_TRUE(any.Accepts(R"(["<b>x<\/b>"])"));
  EXPECT_FALSE(any.Accepts(R"(["x</arg_value></parameter>"])"));
  EXPECT_FALSE(any.Accepts(R"(["x<</b>"])"));
  EXPECT_FALSE(any.Accepts(R"([{"</b>": 1}])"));
  for (const char* strings : {R"({"maxLength": 40})", R"({"maxLength": 400})",
                              R"({"pattern": "^.*b"})", R"({"enum": ["<\/b>"]})"}) {
    const std::string schema = StrCat(R"({"type": "array", "items": )", strings, "}");
    const TaggedArgument bounded(schema.c_str());
    EXPECT_TRUE(bounded.Accepts(R"(["<\/b>"])")) << strings;
    EXPECT_FALSE(bounded.Accepts(R"(["</b>"])")) << strings;
  }
  const TaggedArgument keys(R"({"type": "object", "properties": {"a/b": {"type": "integer"}},
                                "additionalProperties": {"type": "integer"}})");
  EXPECT_TRUE(keys.Accepts(R"({"a/b": 1, "a/c": 2})"));
  EXPECT_FALSE(keys.Accepts(R"({"a/b": 1, "</b>": 2})"));
  const TaggedArgument patterns(
      R"({"type": "object", "patternProperties": {"^a/": {"type": "integer"}},
                                    "additionalProperties": false})");
  EXPECT_TRUE(patterns.Accepts(R"({"a/b": 1})"));
  EXPECT_FALSE(patterns.Accepts(R"({"a/<": 1})"));
  for (const char* refused :
       {R"({"type": "object", "properties": {"</b>": {"type": "integer"}}})",
        R"({"type": "object", "patternProperties": {"^<.b": {"type": "integer"}},
            "additionalProperties": false})"}) {
    EXPECT_TRUE(Contains(TaggedArgument(refused).ErrorText(), "between tags")) << refused;
  }
}

TEST(AnswerGrammarTest, ChoicesThatWouldBeReadAsOthersAreNotWritten) {
  const TaggedArgument choice(R"({"enum": ["1", 2, "x", "true"]})");
  EXPECT_TRUE(choice.Accepts("2"));
  EXPECT_TRUE(choice.Accepts("x"));
  EXPECT_TRUE(choice.Accepts("true"));  // no boolean is permitted
  EXPECT_FALSE(choice.Accepts("1"));
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
  const std::string name =
      error("<tool_call><function=<parameter=", R"({"properties": {"a>b": {"type": "string"}}})");
  EXPECT_TRUE(Contains(name, "/properties/a>b: its name")) << name;
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

// AnswerParser over every family: what is written is read, however the text is cut.
#include "chat/answer_parser.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "chat/answer_for_test.h"
#include "chat/call_writer.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kTools = R"([
  {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object",
   "properties": {"city": {"type": "string"}, "days": {"type": "integer"},
                  "metric": {"type": "boolean"}, "tags": {"type": "array"}}}}},
  {"type": "function", "function": {"name": "tap", "parameters": {"type": "object",
   "properties": {"x": {"type": "integer"}, "note": {}}}}}])";

constexpr const char* kArguments =
    R"({"city":"Paris <b> \"x\"\nnext\n","days":3,"metric":true,"tags":["a",{"b":null}]})";

struct Family {
  const char* name;
  const char* chat_template;  // enough of one for FindToolFormat
};

// One for each variant of a syntax.
constexpr Family kFamilies[] = {
    {"glm45", "<tool_call>{function-name}\n<arg_key>"},
    {"glm45", "<tool_call>{function-name}<arg_key>"},
    {"qwen3_coder", "<tool_call>\n<function=f>\n<parameter=p>"},
    {"deepseek", "<｜tool▁calls▁begin｜>"},
    {"deepseek", "<｜tool▁calls▁begin｜>```json"},
    {"mistral", "[TOOL_CALLS]"},
    {"mistral", "[TOOL_CALLS][ARGS]"},
    {"mistral", "[TOOL_CALLS][CALL_ID][ARGS]"},
    {"hermes", "<tool_call>"},
    {"llama3", "<|start_header_id|> \"parameters\": "},
    {"glm4", "<|assistant|><|observation|>"},
    {"generic_json", ""},
};

AnswerParserOptions OptionsFor(const Family& family) {
  const ToolFormat& format = FindToolFormat(family.chat_template);
  EXPECT_EQ(format.name, family.name);
  AnswerParserOptions options;
  options.reads_calls = true;
  options.reasoning = {"<think>", "</think>"};
  options.syntax = format.syntax(family.chat_template);
  options.tools = ParseTools(Json::parse(kTools)).value();
  return options;
}

// The same whatever the text is cut into: at every single place, and at every place at once.
Answer ParseAtEveryCut(const AnswerParserOptions& options, const std::string& text, bool cut_off) {
  const Answer whole = ParseAnswer(options, text, cut_off);
  EXPECT_EQ(whole.error, "") << text;
  std::vector<std::vector<size_t>> all_cuts = {{}};
  for (size_t i = 1; i < text.size(); ++i) {
    if ((text[i] & 0xC0) == 0x80) continue;  // within a character
    all_cuts.push_back({i});
    all_cuts[0].push_back(i);
  }
  for (const std::vector<size_t>& cuts : all_cuts) {
    const Answer cut = ParseAnswer(options, text, cut_off, cuts);
    EXPECT_EQ(cut.error, "") << text;
    EXPECT_EQ(cut.content, whole.content) << text;
    EXPECT_EQ(cut.reasoning, whole.reasoning) << text;
    EXPECT_EQ(cut.calls.size(), whole.calls.size()) << text;
    for (size_t i = 0; i < std::min(cut.calls.size(), whole.calls.size()); ++i) {
      EXPECT_EQ(cut.calls[i].name, whole.calls[i].name);
      EXPECT_EQ(cut.calls[i].id, whole.calls[i].id);
      EXPECT_EQ(cut.calls[i].arguments_json, whole.calls[i].arguments_json);
      EXPECT_EQ(cut.calls[i].complete, whole.calls[i].complete);
    }
  }
  return whole;
}

TEST(AnswerParserTest, CallsOfEveryFamilyAreReadAsWritten) {
  for (const Family& family : kFamilies) {
    SCOPED_TRACE(StrCat(family.name, " of ", family.chat_template));
    const AnswerParserOptions options = OptionsFor(family);
    std::vector<ToolCall> calls = {{"abcdefgh1", "get_weather", kArguments, true}};
    if (options.syntax.parallel) calls.push_back({"abcdefgh2", "tap", R"({"x":-5})", true});
    if (options.syntax.parallel) calls.push_back({"abcdefgh3", "tap", "{}", true});
    const bool alone = options.syntax.trigger.empty();
    const std::string before = alone ? "" : "I look.\n\n";
    const std::string space = options.syntax.content_on_new_line ? "" : "\n\n";
    const Answer answer = ParseAtEveryCut(
        options,
        "<think>\nHm <tool_call> {\n</think>" + space + before + WriteCalls(options.syntax, calls),
        /*cut_off=*/false);
    EXPECT_EQ(answer.reasoning, "Hm <tool_call> {");
    EXPECT_EQ(answer.content, alone ? "" : "I look.");
    ASSERT_EQ(answer.calls.size(), calls.size());
    for (size_t i = 0; i < calls.size(); ++i) {
      EXPECT_TRUE(answer.calls[i].complete);
      EXPECT_EQ(answer.calls[i].name, calls[i].name);
      EXPECT_EQ(Json::parse(answer.calls[i].arguments_json), Json::parse(calls[i].arguments_json));
    }
  }
}

TEST(AnswerParserTest, ACallThatIsCutOffAnywhereIsNeverShownAsContentAndNeverComplete) {
  for (const Family& family : kFamilies) {
    SCOPED_TRACE(StrCat(family.name, " of ", family.chat_template));
    const AnswerParserOptions options = OptionsFor(family);
    if (options.syntax.trigger.empty()) continue;  // no mark: the beginning may be any text
    const std::string call =
        WriteCalls(options.syntax, std::vector<ToolCall>{{"abcdefgh1", "get_weather", kArguments}});
    const std::string trigger = options.syntax.trigger;
    for (size_t n = 1; n < call.size(); ++n) {
      if ((call[n] & 0xC0) == 0x80) continue;
      AnswerParser parser(options);
      Answer answer;
      std::vector<ChatDelta> deltas;
      parser.Push("So: " + call.substr(0, n), &deltas);
      parser.Finish(/*cut_off=*/true, &deltas);
      answer.Add(deltas);
      EXPECT_EQ(answer.error, "");
      EXPECT_EQ(answer.content.substr(0, 3), "So:");
      EXPECT_LE(answer.content.size(), 4u) << call.substr(0, n);
      EXPECT_EQ(parser.lost_a_call(), n >= trigger.size() && answer.calls.empty()) << n;
      // Complete, only where nothing but end marks is missing.
      if (!answer.calls.empty() && answer.calls[0].complete) {
        EXPECT_EQ(Json::parse(answer.calls[0].arguments_json), Json::parse(kArguments)) << n;
      }
    }
  }
}

TEST(AnswerParserTest, TextWithoutCallsIsContentInEveryFamily) {
  for (const Family& family : kFamilies) {
    SCOPED_TRACE(StrCat(family.name, " of ", family.chat_template));
    const AnswerParserOptions options = OptionsFor(family);
    for (const std::string text :
         {"Hello there", "1 < 2", "a <tool", "[TOOL", "{\"a\": 1}",
          "{\"name\": \"nobody\", \"x\": 1}", "get_weather is a tool", "tap", "{", "<｜", "<thin",
          "你好 <｜tool▁", "{\"tool_calls\": 3}"}) {
      const std::string start = options.syntax.content_on_new_line ? "\n" : "";
      EXPECT_EQ(ParseAtEveryCut(options, start + text, /*cut_off=*/false).content, text);
    }
  }
}

TEST(AnswerParserTest, WithoutReasoningAndCallsTheTextIsLeftAsItIs) {
  for (const std::string text : {"", " ", "\n a \n", "<think>x</think>", "<tool_call>{"}) {
    EXPECT_EQ(ParseAtEveryCut({}, text, /*cut_off=*/false).content, text);
    EXPECT_EQ(ParseAtEveryCut({}, text, /*cut_off=*/true).content, text);
  }
}

TEST(AnswerParserTest, ReasoningThatThePromptHasBegunIsSplitOff) {
  AnswerParserOptions options;
  options.reasoning = {"<think>", "</think>"};
  options.starts_in_reasoning = true;
  Answer answer = ParseAtEveryCut(options, "\nI think.\n</think>\n\nYes. ", /*cut_off=*/false);
  EXPECT_EQ(answer.reasoning, "I think.");
  EXPECT_EQ(answer.content, "Yes. ");
  answer = ParseAtEveryCut(options, "I think. </thi", /*cut_off=*/true);
  EXPECT_EQ(answer.reasoning, "I think.");
  EXPECT_EQ(answer.content, "");
  options.starts_in_reasoning = false;
  answer = ParseAtEveryCut(options, "\n<think></think>\nYes.", /*cut_off=*/false);
  EXPECT_EQ(answer.reasoning, "");
  EXPECT_EQ(answer.content, "Yes.");
}

TEST(AnswerParserTest, TheOddWaysInWhichModelsWriteJsonCallsAreRead) {
  AnswerParserOptions options = OptionsFor({"hermes", "<tool_call>"});
  struct Case {
    const char* text;
    const char* arguments;
  };
  for (const Case& c : {
           Case{R"(<tool_call>{"arguments":{"x":1},"name":"tap"}</tool_call>)", R"({"x":1})"},
           Case{R"(<tool_call> {"name" : "tap" , "parameters" : {"x" : 1} } </tool_call>)",
                R"({"x" : 1})"},
           Case{R"(<tool_call>{"id":7,"name":"tap","arguments":"{\"x\":1}"}</tool_call>)",
                R"({"x":1})"},
           Case{R"(<tool_call>{"name":"tap","arguments":null})", "{}"},
           Case{R"(<tool_call>{"name":"tap"})", "{}"},
           Case{"<tool_call>{\"name\":\"tap\",\"arguments\":{\"note\":\"a\nb\"}}",
                R"({"note":"a\nb"})"},
           Case{R"(<tool_call>{"name":"tap","arguments":{"x":-1.5e+3,"note":[0,true,"A"]}})",
                R"({"x":-1.5e+3,"note":[0,true,"A"]})"},
       }) {
    const Answer answer = ParseAtEveryCut(options, c.text, /*cut_off=*/false);
    ASSERT_EQ(answer.calls.size(), 1u) << c.text;
    EXPECT_EQ(answer.calls[0].name, "tap");
    EXPECT_EQ(answer.calls[0].arguments_json, c.arguments);
    EXPECT_TRUE(answer.calls[0].complete);
    EXPECT_EQ(answer.content, "");
  }
}

TEST(AnswerParserTest, WhatIsWrongBeforeTheNameIsContentAndBehindItEndsTheCall) {
  const AnswerParserOptions options = OptionsFor({"hermes", "<tool_call>"});
  for (const char* text : {"a <tool_call>hello</tool_call> b", "a <tool_call>{\"name\": 3} b",
                           "a <tool_call>{} b", "<tool_call>{\"arguments\": [1]}"}) {
    const Answer answer = ParseAtEveryCut(options, text, /*cut_off=*/false);
    EXPECT_EQ(answer.content, text);
    EXPECT_TRUE(answer.calls.empty());
  }
  for (const char* wrong :
       {"{\"x\": 01}}", "{\"x\": tru}}", "[1]}", "{\"x\": 1]}", "{\"x\"}", "{\"x\": \"\\q\"}}"}) {
    const std::string text = StrCat("<tool_call>{\"name\": \"tap\", \"arguments\": ", wrong,
                                    "</tool_call>\nDone <tool_call>{\"name\": \"tap\"}");
    const Answer answer = ParseAtEveryCut(options, text, /*cut_off=*/false);
    ASSERT_EQ(answer.calls.size(), 2u) << wrong;
    EXPECT_FALSE(answer.calls[0].complete) << wrong;
    EXPECT_TRUE(answer.calls[1].complete);
    EXPECT_EQ(answer.content, "Done");
  }
}

TEST(AnswerParserTest, AMarkBehindWhichNoCallFollowsIsContent) {
  for (const Family& family : kFamilies) {
    SCOPED_TRACE(StrCat(family.name, " of ", family.chat_template));
    const AnswerParserOptions options = OptionsFor(family);
    if (options.syntax.trigger.empty()) continue;
    const std::string text = StrCat("a ", options.syntax.trigger, options.syntax.trigger, "}{ b");
    EXPECT_EQ(ParseAtEveryCut(options, text, /*cut_off=*/false).content, text);
  }
}

TEST(AnswerParserTest, BareValuesBecomeWhatTheSchemaPermits) {
  const AnswerParserOptions options =
      OptionsFor({"qwen3_coder", "<tool_call>\n<function=f>\n<parameter=p>"});
  const auto arguments = [&](const std::string& key, const std::string& value) {
    const Answer answer =
        ParseAtEveryCut(options,
                        "<tool_call>\n<function=get_weather>\n<parameter=" + key + ">\n" + value +
                            "\n</parameter>\n</function>\n</tool_call>",
                        /*cut_off=*/false);
    EXPECT_EQ(answer.calls.size(), 1u);
    return answer.calls.empty() ? Json() : Json::parse(answer.calls[0].arguments_json)[key];
  };
  EXPECT_EQ(arguments("city", "12"), "12");
  EXPECT_EQ(arguments("city", "\n two\n"), "\n two\n");
  EXPECT_EQ(arguments("days", " 12 "), 12);
  EXPECT_EQ(arguments("days", "twelve"), "twelve");
  EXPECT_EQ(arguments("metric", "True"), true);
  EXPECT_EQ(arguments("tags", "[1, \"a\"]"), Json::parse("[1, \"a\"]"));
  EXPECT_EQ(arguments("unknown", "True"), "True");
  EXPECT_EQ(arguments("unknown", "null"), nullptr);
  EXPECT_EQ(arguments("unknown", "\"quoted\""), "\"quoted\"");
}

TEST(AnswerParserTest, IdsHaveTheFormOfTheFamily) {
  const std::vector<ToolCall> calls = {{"abcdefgh1", "tap", "{}", true}};
  AnswerParserOptions options = OptionsFor({"mistral", "[TOOL_CALLS][CALL_ID][ARGS]"});
  EXPECT_EQ(ParseAnswer(options, WriteCalls(options.syntax, calls), false).calls[0].id,
            "abcdefgh1");
  options = OptionsFor({"mistral", "[TOOL_CALLS]"});
  EXPECT_EQ(ParseAnswer(options, WriteCalls(options.syntax, calls), false).calls[0].id.size(), 9u);
  options = OptionsFor({"hermes", "<tool_call>"});
  const std::string id = ParseAnswer(options, WriteCalls(options.syntax, calls), false).calls[0].id;
  EXPECT_TRUE(id.starts_with("call_")) << id;
  options.id_seed = 1;
  EXPECT_NE(ParseAnswer(options, WriteCalls(options.syntax, calls), false).calls[0].id, id);
}

}  // namespace
}  // namespace autoglm

// ConversationFormat over the chat templates of real models, and over small ones of our own.
#include "chat/conversation_format.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "autoglm/action.h"
#include "chat/answer_for_test.h"
#include "tests/test_data.h"
#include "text/tokenizer_for_test.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

const Json kTools = Json::parse(R"([
  {"type": "function", "function": {"name": "get_weather", "description": "The weather.",
   "parameters": {"type": "object", "properties": {"city": {"type": "string"},
   "days": {"type": "integer"}, "hours": {"type": "array"}}, "required": ["city"]}}},
  {"type": "function", "function": {"name": "get_time", "description": "The time.",
   "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}}}}])");

constexpr const char* kArguments = R"({"city":"Paris \"5e\"\n<b>","days":3,"hours":[1,"x"]})";

/// A template with what it needs.
struct Model {
  explicit Model(std::string source_text)
      : source(std::move(source_text)),
        metadata(MakeByteBpe("gpt-2", {"h e"})),
        tokenizer(Tokenizer::Create(metadata).value()),
        chat_template(ChatTemplate::Parse(source).value()),
        format(ConversationFormat::Create(source, chat_template, *tokenizer)) {}

  Result<Conversation> Prepare(const Json& messages, bool generation_prompt = true,
                               const Json& tools = kTools, bool thinking = false) const {
    ConversationRequest request;
    request.messages = &messages;
    request.tools = &tools;
    const Json variables = {{"enable_thinking", false}};
    if (!thinking) request.variables = &variables;
    request.add_generation_prompt = generation_prompt;
    return format.Prepare(request);
  }

  std::string source;
  Metadata metadata;
  std::unique_ptr<Tokenizer> tokenizer;
  ChatTemplate chat_template;
  ConversationFormat format;
};

std::string ReadTemplate(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Json User(const char* text) { return {{"role", "user"}, {"content", text}}; }

Json Calls(int n) {
  Json calls = Json::array();
  calls.push_back({{"id", "call_1"},
                   {"type", "function"},
                   {"function", {{"name", "get_weather"}, {"arguments", kArguments}}}});
  if (n > 1) {
    calls.push_back({{"id", "call_2"},
                     {"type", "function"},
                     {"function", {{"name", "get_time"}, {"arguments", "{}"}}}});
  }
  return {{"role", "assistant"}, {"content", nullptr}, {"tool_calls", calls}};
}

// What the template writes for an assistant's message behind `messages`, up to the turn's end.
std::string AnswerText(const Model& model, Json messages, const Json& answer) {
  const bool at_start = model.format.syntax().trigger.empty();
  const std::string before = model.Prepare(messages, at_start)->prompt;
  messages.push_back(answer);
  const std::string after = model.Prepare(messages, false)->prompt;
  size_t n = 0;
  while (n < before.size() && n < after.size() && before[n] == after[n]) ++n;
  std::string text = after.substr(n);
  for (const char* end : {"<|im_end|>", "<|eot_id|>", "</s>", "<｜end▁of▁sentence｜>"}) {
    text = text.substr(0, text.find(end));
  }
  return text;
}

struct RealTemplate {
  const char* file;
  const char* family;
  TemplateTraits::Tools tools;
};

constexpr auto kVariable = TemplateTraits::Tools::kVariable;
constexpr auto kText = TemplateTraits::Tools::kText;

constexpr RealTemplate kRealTemplates[] = {
    {"GLM-4.6", "glm45", kVariable},
    {"GLM-4.7-Flash", "glm45", kVariable},
    {"Qwen-Qwen2.5-7B-Instruct", "hermes", kVariable},
    {"Qwen-Qwen3-0.6B", "hermes", kVariable},
    {"Qwen3-Coder", "qwen3_coder", kVariable},
    {"MiMo-VL", "hermes", kVariable},
    {"jingyaogong-minimind", "hermes", kVariable},
    {"Bielik-11B-v3.0-Instruct", "hermes", kVariable},
    {"meta-llama-Llama-3.1-8B-Instruct", "llama3", kVariable},
    {"meta-llama-Llama-3.2-3B-Instruct", "llama3", kVariable},
    {"mistralai-Mistral-Nemo-Instruct-2407", "mistral", kVariable},
    {"Mistral-Small-3.2-24B-Instruct-2506", "mistral", kVariable},
    {"deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", "deepseek", kText},
    {"deepseek-ai-DeepSeek-V3.1", "deepseek", kText},
    // Its template wants tools and, by its own mistake, fails where there are some.
    {"llama-cpp-deepseek-r1", "deepseek", kText},
    {"google-gemma-2-2b-it", "generic_json", kText},
    {"microsoft-Phi-3.5-mini-instruct", "generic_json", kText},
    {"HuggingFaceTB-SmolLM3-3B", "generic_json", kText},
};

TEST(ConversationFormatTest, CallsGoThroughRealTemplatesAndComeBack) {
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "templates");
  for (const RealTemplate& real : kRealTemplates) {
    SCOPED_TRACE(real.file);
    const Model model(ReadTemplate(StrCat(folder, "/", real.file, ".jinja")));
    const CallSyntax& syntax = model.format.syntax();
    EXPECT_EQ(syntax.family, real.family);
    EXPECT_EQ(model.format.traits().tools, real.tools);
    const bool own_form = syntax.family != "generic_json";
    EXPECT_EQ(model.format.traits().calls,
              own_form ? TemplateTraits::Calls::kToolCalls : TemplateTraits::Calls::kText);
    EXPECT_EQ(model.format.traits().results,
              own_form ? TemplateTraits::Results::kTool : TemplateTraits::Results::kUser);
    const Json messages = Json::array({User("Weather?")});
    const auto conversation = model.Prepare(messages);
    ASSERT_TRUE(conversation.ok()) << conversation.status().ToString();
    EXPECT_TRUE(Contains(conversation->prompt, "get_weather")) << conversation->prompt;
    EXPECT_TRUE(Contains(conversation->prompt, "days")) << conversation->prompt;

    const int n_calls = syntax.parallel ? 2 : 1;
    const std::string text = AnswerText(model, messages, Calls(n_calls));
    AnswerParserOptions options = conversation->parser;
    options.starts_in_reasoning = false;
    for (size_t step : {text.size(), size_t{1}, size_t{3}}) {
      std::vector<size_t> cuts;
      for (size_t at = step; at < text.size(); at += step) {
        if ((text[at] & 0xC0) != 0x80) cuts.push_back(at);
      }
      const Answer answer = ParseAnswer(options, text, /*cut_off=*/false, cuts);
      EXPECT_EQ(answer.error, "");
      ASSERT_EQ(answer.calls.size(), static_cast<size_t>(n_calls)) << text;
      EXPECT_EQ(answer.calls[0].name, "get_weather");
      EXPECT_TRUE(answer.calls[0].complete) << text;
      EXPECT_EQ(Json::parse(answer.calls[0].arguments_json), Json::parse(kArguments)) << text;
      EXPECT_EQ(answer.calls.back().arguments_json == "{}", n_calls == 2);
    }
  }
}

TEST(ConversationFormatTest, ResultsReachRealPrompts) {
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "templates");
  for (const RealTemplate& real : kRealTemplates) {
    SCOPED_TRACE(real.file);
    const Model model(ReadTemplate(StrCat(folder, "/", real.file, ".jinja")));
    const int n_calls = model.format.syntax().parallel ? 2 : 1;
    Json messages =
        Json::array({User("Weather?"),
                     Calls(n_calls),
                     {{"role", "tool"}, {"tool_call_id", "call_1"}, {"content", "21 degrees"}}});
    if (n_calls == 2) {
      messages.push_back({{"role", "tool"}, {"tool_call_id", "call_2"}, {"content", "noon"}});
    }
    const auto conversation = model.Prepare(messages);
    ASSERT_TRUE(conversation.ok()) << conversation.status().ToString();
    EXPECT_TRUE(Contains(conversation->prompt, "21 degrees")) << conversation->prompt;
    EXPECT_EQ(Contains(conversation->prompt, "noon"), n_calls == 2);
  }
}

TEST(ConversationFormatTest, ReasoningGoesThroughRealTemplatesAndComesBack) {
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "templates");
  for (const char* file : {"GLM-4.6", "GLM-4.7-Flash", "Qwen-Qwen3-0.6B"}) {
    SCOPED_TRACE(file);
    const Model model(ReadTemplate(StrCat(folder, "/", file, ".jinja")));
    Json answer = Calls(1);
    answer["reasoning_content"] = "Rain or not?";
    answer["content"] = "I look.";
    Json messages = Json::array({User("Weather?"), answer});
    const std::string text = model.Prepare(messages, false, kTools, /*thinking=*/true)->prompt;
    // What the model would have written: from where a prompt that lets it think ends.
    const Conversation open =
        model.Prepare(Json::array({User("Weather?")}), true, kTools, /*thinking=*/true).value();
    ASSERT_TRUE(text.starts_with(open.prompt)) << text;
    const std::string written = text.substr(open.prompt.size());
    const Answer read = ParseAnswer(open.parser, written.substr(0, written.find("<|im_end|>")),
                                    /*cut_off=*/false);
    EXPECT_EQ(read.reasoning, "Rain or not?");
    EXPECT_EQ(read.content, "I look.");
    ASSERT_EQ(read.calls.size(), 1u);
    EXPECT_EQ(Json::parse(read.calls[0].arguments_json), Json::parse(kArguments));
  }
}

// The way of GLM-4-0414: the name is metadata, results are observations.
constexpr const char* kGlm4 = R"([gMASK]<sop>{% if tools %}<|system|>
# Tools
{% for tool in tools %}## {{ tool.function.name }}
{{ tool.function | tojson(indent=4) }}
{% endfor %}{% endif %}{% for m in messages %}{% if m.role == 'assistant' and m.metadata %}<|assistant|>{{ m.metadata }}
{{ m.content }}{% elif m.role == 'assistant' %}<|assistant|>
{{ m.content }}{% elif m.role == 'observation' %}<|observation|>
{{ m.content }}{% elif m.role == 'user' %}<|user|>
{{ m.content }}{% elif m.role == 'system' %}<|system|>
{{ m.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %})";

TEST(ConversationFormatTest, Glm4TakesCallsAsMetadataAndResultsAsObservations) {
  const Model model(kGlm4);
  EXPECT_EQ(model.format.syntax().family, "glm4");
  EXPECT_EQ(model.format.traits().calls, TemplateTraits::Calls::kMetadata);
  EXPECT_EQ(model.format.traits().results, TemplateTraits::Results::kObservation);
  const Json messages =
      Json::array({User("Weather?"),
                   Calls(2),
                   {{"role", "tool"}, {"tool_call_id", "call_1"}, {"content", "21 degrees"}}});
  const auto conversation = model.Prepare(messages);
  ASSERT_TRUE(conversation.ok()) << conversation.status().ToString();
  const std::string expected =
      StrCat("<|user|>\nWeather?<|assistant|>get_weather\n", kArguments,
             "<|assistant|>get_time\n{}<|observation|>\n21 degrees", "<|assistant|>");
  EXPECT_TRUE(conversation->prompt.ends_with(expected)) << conversation->prompt;
  const Answer answer =
      ParseAnswer(conversation->parser, StrCat("get_weather\n", kArguments), false);
  ASSERT_EQ(answer.calls.size(), 1u);
  EXPECT_EQ(ParseAnswer(conversation->parser, "\nget_weather says so", false).content,
            "get_weather says so");
}

TEST(ConversationFormatTest, ReasoningThatATemplateAlwaysBeginsIsClosedWhereItIsUnwanted) {
  const Model model(
      "{% for m in messages %}<|{{ m.role }}|>{{ m.content.split('</think>')[-1] }}{% endfor %}"
      "{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}");
  const Json messages = Json::array({User("Weather?")});
  const Conversation closed = model.Prepare(messages, true, kTools, /*thinking=*/false).value();
  EXPECT_TRUE(closed.prompt.ends_with("<|assistant|><think>\n</think>\n\n")) << closed.prompt;
  Json call = {{"name", "get_weather"}, {"arguments", Json::parse(kArguments)}};
  const std::string text = Json({{"tool_calls", Json::array({call})}}).dump();
  const Answer answer = ParseAnswer(closed.parser, text, /*cut_off=*/false);
  EXPECT_EQ(answer.reasoning, "");
  ASSERT_EQ(answer.calls.size(), 1u);
  EXPECT_EQ(answer.calls[0].name, "get_weather");

  const Conversation open = model.Prepare(messages, true, kTools, /*thinking=*/true).value();
  EXPECT_TRUE(open.prompt.ends_with("<|assistant|><think>\n")) << open.prompt;
  EXPECT_EQ(ParseAnswer(open.parser, "Hm.</think>" + text, false).reasoning, "Hm.");
  EXPECT_FALSE(Contains(model.Prepare(messages, false)->prompt, "think"));
}

TEST(ConversationFormatTest, TheToolsOfASystemMessageAreFound) {
  const Model model(
      "{% for m in messages %}<|{{ m.role }}|>{% if m.tools %}{% for t in m.tools %}"
      "{{ t.function | tojson }}{% endfor %}{% endif %}\n{{ m.content }}{% endfor %}"
      "{% if add_generation_prompt %}<|assistant|>{% endif %}{# <|observation|> <|assistant|> #}");
  EXPECT_EQ(model.format.traits().tools, TemplateTraits::Tools::kSystemMessage);
  EXPECT_TRUE(Contains(model.Prepare(Json::array({User("hi")}))->prompt, "get_weather"));
}

TEST(ConversationFormatTest, WithoutToolsTheModelIsNotToldOfThem) {
  const Model model(kGlm4);
  const Json messages = Json::array({User("hi")});
  EXPECT_FALSE(Contains(model.Prepare(messages, true, Json())->prompt, "get_weather"));
  ConversationRequest request;
  request.messages = &messages;
  request.tools = &kTools;
  const Json none = "none";
  request.tool_choice = &none;
  const Conversation conversation = model.format.Prepare(request).value();
  EXPECT_FALSE(Contains(conversation.prompt, "get_weather"));
  EXPECT_FALSE(conversation.parser.reads_calls);
}

TEST(ConversationFormatTest, WhatIsWrongIsNamedByItsField) {
  const Model model(kGlm4);
  const auto error = [&](const char* messages, const char* tools = "null",
                         const char* choice = "null") {
    ConversationRequest request;
    const Json messages_json = Json::parse(messages);
    const Json tools_json = Json::parse(tools);
    const Json choice_json = Json::parse(choice);
    request.messages = &messages_json;
    request.tools = &tools_json;
    request.tool_choice = &choice_json;
    const Status status = model.format.Prepare(request).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status.ToString();
    return status.message().substr(0, status.message().find(": "));
  };
  EXPECT_EQ(error("{}"), "messages");
  EXPECT_EQ(error("[1]"), "messages[0]");
  EXPECT_EQ(error(R"([{"content": "x"}])"), "messages[0].role");
  EXPECT_EQ(error(R"([{"role": "user", "content": 3}])"), "messages[0].content");
  EXPECT_EQ(error(R"([{"role": "user", "content": [{"type": "image_url"}]}])"),
            "messages[0].content[0]");
  EXPECT_EQ(error(R"([{"role": "assistant", "tool_calls": {}}])"), "messages[0].tool_calls");
  EXPECT_EQ(error(R"([{"role": "assistant", "tool_calls": [{}]}])"),
            "messages[0].tool_calls[0].function");
  EXPECT_EQ(error(R"([{"role": "assistant", "tool_calls": [{"function": {"name": "f",
                   "arguments": "[1"}}]}])"),
            "messages[0].tool_calls[0].function.arguments");
  EXPECT_EQ(error("[]", "{}"), "tools");
  EXPECT_EQ(error("[]", "[3]"), "tools[0]");
  EXPECT_EQ(error("[]", R"([{"type": "web_search"}])"), "tools[0].type");
  EXPECT_EQ(error("[]", R"([{"type": "function"}])"), "tools[0].function");
  EXPECT_EQ(error("[]", R"([{"function": {"name": "a b"}}])"), "tools[0].function.name");
  EXPECT_EQ(error("[]", R"([{"function": {"name": "f", "parameters": 1}}])"),
            "tools[0].function.parameters");
  EXPECT_EQ(error("[]", R"([{"function": {"name": "f", "parameters": {"type": "array"}}}])"),
            "tools[0].function.parameters.type");
  EXPECT_EQ(error("[]", R"([{"function": {"name": "f"}}, {"function": {"name": "f"}}])"),
            "tools[1].function.name");
  EXPECT_EQ(error("[]", "[]", "\"required\""), "tool_choice");
  EXPECT_EQ(error("[]", "[]", "\"always\""), "tool_choice");
  EXPECT_EQ(error("[]", "[]", "3"), "tool_choice");
  EXPECT_EQ(error("[]", R"([{"function": {"name": "f"}}])",
                  R"({"type": "function", "function": {"name": "g"}})"),
            "tool_choice.function.name");
}

TEST(ConversationFormatTest, AModelOfPhoneActionsIsHeldToThoseOfWhatWasSaidLast) {
  const Model model("{{ messages[-1].content }}");
  const auto format = ConversationFormat::Create(model.source, model.chat_template,
                                                 *model.tokenizer, kPhoneActionsTask);
  const Json messages = {User("call Anna"), User("call Tom")};
  ConversationRequest request;
  request.messages = &messages;
  EXPECT_EQ(format.Prepare(request)->grammar.gbnf, PhoneActionsGrammar("call Tom"));
  EXPECT_EQ(model.format.Prepare(request)->grammar.gbnf, "");
  // Another form that was asked for comes first.
  const Json schema = {{"type", "boolean"}};
  request.content_schema = &schema;
  EXPECT_EQ(format.Prepare(request)->grammar.gbnf, model.format.Prepare(request)->grammar.gbnf);
}

}  // namespace
}  // namespace autoglm

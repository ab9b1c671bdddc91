// Tools, forms of the answer and reasoning over HTTP.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "service/service_fixture_for_test.h"

namespace autoglm {
namespace {

// Of the Hermes family; the answer begins behind the '$'.
constexpr char kToolTemplate[] =
    "{% for t in tools %}{{ t.function.name }} {{ t.function.parameters.properties | tojson }}\n"
    "{% endfor %}{% for m in messages %}{{ m.role }}: {{ m.content }}{% for c in m.tool_calls %}"
    "<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}${% endif %}{# </think> #}";

FakeModelSettings ToolModel(std::string answer) {
  FakeModelSettings settings;
  settings.n_ctx = 2048;
  settings.n_kv_pages = 256;
  settings.chat_template = kToolTemplate;
  settings.model = {};
  if (answer.empty()) return settings;  // at random
  settings.model.next = [answer](std::span<const int32_t> history) -> int32_t {
    size_t begin = 0;
    while (begin < history.size() && history[begin] != '$') ++begin;
    const size_t n = history.size() - std::min(begin + 1, history.size());
    return n < answer.size() ? static_cast<unsigned char>(answer[n]) : ByteTokenizer::kEos;
  };
  return settings;
}

ServiceFixture::Options WithAnswer(std::string answer) {
  ServiceFixture::Options options;
  options.models = {{"fake", ToolModel(std::move(answer))}};
  return options;
}

constexpr char kAnswer[] =
    "<think>Hm.</think>\nI tap. <tool_call>\n{\"name\": \"tap\", \"arguments\": {\"x\": 7}}\n"
    "</tool_call>\n<tool_call>\n{\"name\": \"wait\", \"arguments\": {}}\n</tool_call>";

const Json kTools = Json::parse(R"([
  {"type": "function", "function": {"name": "tap", "parameters": {"type": "object",
   "properties": {"x": {"type": "integer"}}, "required": ["x"]}}},
  {"type": "function", "function": {"name": "wait"}}])");

Json Request() {
  return {{"model", "fake"},
          {"messages", {{{"role", "user"}, {"content", "go"}}}},
          {"tools", kTools},
          {"temperature", 0}};
}

TEST(ToolCallsApiTest, AnAnswerComesInItsParts) {
  ServiceFixture service(WithAnswer(kAnswer));
  const TestResponse response = service.Post("/v1/chat/completions", Request());
  ASSERT_EQ(response.status, 200) << response.body;
  const Json& choice = response.json["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  const Json& message = choice["message"];
  EXPECT_EQ(message["reasoning_content"], "Hm.");
  EXPECT_EQ(message["content"], "I tap.");
  ASSERT_EQ(message["tool_calls"].size(), 2u);
  EXPECT_EQ(message["tool_calls"][0]["type"], "function");
  EXPECT_EQ(message["tool_calls"][0]["function"]["name"], "tap");
  EXPECT_EQ(message["tool_calls"][0]["function"]["arguments"], R"({"x": 7})");
  EXPECT_NE(message["tool_calls"][0]["id"], message["tool_calls"][1]["id"]);
}

TEST(ToolCallsApiTest, AStreamTellsTheSame) {
  ServiceFixture service(WithAnswer(kAnswer));
  Json request = Request();
  request["stream"] = true;
  const TestResponse response = service.Post("/v1/chat/completions", request);
  std::string content, reasoning, arguments[2], names[2];
  Json finish;
  for (const std::string& event : response.events) {
    if (event == "[DONE]") continue;
    const Json choice = Json::parse(event)["choices"][0];
    const Json& delta = choice["delta"];
    content += delta.value("content", "");
    reasoning += delta.value("reasoning_content", "");
    for (const Json& call : delta.value("tool_calls", Json::array())) {
      const size_t index = call["index"].get<size_t>();
      ASSERT_LT(index, 2u);
      names[index] += call["function"].value("name", "");
      arguments[index] += call["function"]["arguments"].get<std::string>();
    }
    if (!choice["finish_reason"].is_null()) finish = choice["finish_reason"];
  }
  EXPECT_EQ(content, "I tap.");
  EXPECT_EQ(reasoning, "Hm.");
  EXPECT_EQ(names[0], "tap");
  EXPECT_EQ(arguments[0], R"({"x": 7})");
  EXPECT_EQ(names[1], "wait");
  EXPECT_EQ(arguments[1], "{}");
  EXPECT_EQ(finish, "tool_calls");
}

TEST(ToolCallsApiTest, ARandomModelObeysToolChoiceAndAnswerForm) {
  ServiceFixture service(WithAnswer(""));
  Json request = Request();
  request["temperature"] = 2;
  request["tool_choice"] = {{"type", "function"}, {"function", {{"name", "tap"}}}};
  request["parallel_tool_calls"] = false;
  for (int seed = 0; seed < 5; ++seed) {
    request["seed"] = seed;
    const TestResponse response = service.Post("/v1/chat/completions", request);
    ASSERT_EQ(response.status, 200) << response.body;
    const Json& choice = response.json["choices"][0];
    if (choice["finish_reason"] == "length") continue;  // ever more reasoning
    EXPECT_EQ(choice["finish_reason"], "tool_calls");
    const Json& calls = choice["message"]["tool_calls"];
    ASSERT_EQ(calls.size(), 1u);
    const Json arguments =
        Json::parse(calls[0]["function"]["arguments"].get_ref<const std::string&>());
    EXPECT_TRUE(arguments["x"].is_number_integer());
  }
  request.erase("tools");
  request.erase("tool_choice");
  request["temperature"] = 0;
  request["response_format"] = Json::parse(R"({"type": "json_schema", "json_schema": {"name": "n",
      "schema": {"type": "object", "properties": {"ok": {"type": "boolean"}},
                 "required": ["ok"]}}})");
  const TestResponse response = service.Post("/v1/chat/completions", request);
  ASSERT_EQ(response.status, 200) << response.body;
  const Json content =
      Json::parse(response.json["choices"][0]["message"]["content"].get<std::string>());
  EXPECT_TRUE(content["ok"].is_boolean());
}

TEST(ToolCallsApiTest, EarlierCallsAndResultsReachThePrompt) {
  ServiceFixture service(WithAnswer("done"));
  Json request = Request();
  request["messages"].push_back(Json::parse(R"({"role": "assistant", "content": null, "tool_calls":
      [{"id": "c1", "type": "function", "function": {"name": "tap", "arguments": "{\"x\": 1}"}}]})"));
  request["messages"].push_back({{"role", "tool"}, {"tool_call_id", "c1"}, {"content", "ok"}});
  const TestResponse response = service.Post("/v1/chat/completions", request);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.json["choices"][0]["message"]["content"], "done");
  EXPECT_EQ(response.json["choices"][0]["finish_reason"], "stop");
}

TEST(ToolCallsApiTest, WhatIsWrongIsA400ThatNamesTheField) {
  ServiceFixture service(WithAnswer("x"));
  const auto param = [&](const char* field, const char* value) {
    Json request = Request();
    request[field] = Json::parse(value);
    const TestResponse response = service.Post("/v1/chat/completions", request);
    EXPECT_EQ(response.status, 400) << response.body;
    return response.json["error"]["param"];
  };
  EXPECT_EQ(param("tools", "3"), "tools");
  EXPECT_EQ(param("tools", R"([{"type": "web_search"}])"), "tools[0].type");
  EXPECT_EQ(param("tools", R"([{"type": "function", "function": {"name": "a b"}}])"),
            "tools[0].function.name");
  EXPECT_EQ(param("tools", R"([{"type": "function", "function": {"name": "f", "parameters":
                  {"properties": {"a": {"not": {}}}}}}])"),
            "tools[0].function.parameters");
  EXPECT_EQ(param("tool_choice", "\"never\""), "tool_choice");
  EXPECT_EQ(param("tool_choice", R"({"type": "function", "function": {"name": "g"}})"),
            "tool_choice.function.name");
  EXPECT_EQ(param("parallel_tool_calls", "1"), "parallel_tool_calls");
  EXPECT_EQ(param("response_format", R"({"type": "xml"})"), "response_format.type");
  EXPECT_EQ(param("response_format", R"({"type": "json_schema"})"),
            "response_format.json_schema.schema");
  EXPECT_EQ(param("response_format", R"({"type": "json_schema", "json_schema": {"schema":
                  {"type": "string", "not": {}}}})"),
            "response_format.json_schema.schema");
  EXPECT_EQ(param("grammar", "\"json\""), "grammar");
  EXPECT_EQ(param("messages", R"([{"role": "assistant", "tool_calls": [{}]}])"),
            "messages[0].tool_calls[0].function");
}

TEST(ToolCallsApiTest, ResponsesHasTheCallsAsItems) {
  ServiceFixture service(WithAnswer(kAnswer));
  Json request = {{"model", "fake"}, {"input", "go"}, {"temperature", 0}};
  for (const Json& tool : kTools) {
    request["tools"].push_back(tool["function"]);
    request["tools"].back()["type"] = "function";
  }
  const TestResponse whole = service.Post("/v1/responses", request);
  ASSERT_EQ(whole.status, 200) << whole.body;
  const Json& output = whole.json["output"];
  ASSERT_EQ(output.size(), 4u) << whole.body;
  EXPECT_EQ(output[0]["type"], "reasoning");
  EXPECT_EQ(output[0]["content"][0]["text"], "Hm.");
  EXPECT_EQ(output[1]["content"][0]["text"], "I tap.");
  EXPECT_EQ(output[2]["type"], "function_call");
  EXPECT_EQ(output[2]["name"], "tap");
  EXPECT_EQ(output[2]["arguments"], R"({"x": 7})");
  EXPECT_EQ(output[3]["name"], "wait");

  request["stream"] = true;
  const TestResponse stream = service.Post("/v1/responses", request);
  std::string arguments;
  Json completed;
  for (const std::string& event : stream.events) {
    const Json json = Json::parse(event);
    if (json["type"] == "response.function_call_arguments.delta" && json["output_index"] == 2) {
      arguments += json["delta"].get<std::string>();
    }
    if (json["type"] == "response.completed") completed = json["response"];
  }
  EXPECT_EQ(arguments, R"({"x": 7})");
  ASSERT_EQ(completed["output"].size(), 4u);

  // The results, by the id of the response that asked for them.
  request["stream"] = false;
  request["previous_response_id"] = completed["id"];
  request["input"] = Json::array({{{"type", "function_call_output"},
                                   {"call_id", completed["output"][2]["call_id"]},
                                   {"output", "tapped"}}});
  const TestResponse next = service.Post("/v1/responses", request);
  ASSERT_EQ(next.status, 200) << next.body;
  EXPECT_GT(next.json["usage"]["input_tokens"], whole.json["usage"]["input_tokens"]);
}

TEST(ToolCallsApiTest, ResponsesHoldsTheTextToASchema) {
  ServiceFixture service(WithAnswer(""));
  const Json request = Json::parse(R"({"model": "fake", "input": "go", "temperature": 0, "text":
      {"format": {"type": "json_schema", "name": "n", "schema": {"enum": ["a", "b"]}}}})");
  const TestResponse response = service.Post("/v1/responses", request);
  ASSERT_EQ(response.status, 200) << response.body;
  const std::string text = response.json["output"].back()["content"][0]["text"];
  EXPECT_TRUE(text == "\"a\"" || text == "\"b\"") << text;
}

}  // namespace
}  // namespace autoglm

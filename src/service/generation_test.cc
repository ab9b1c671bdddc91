// Chat completions and completions over real sockets, answered by models without weights.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "service/service_fixture_for_test.h"

namespace autoglm {
namespace {

Json Chat(std::string_view text, const Json& more = Json::object()) {
  Json body = {
      {"model", "fake"}, {"temperature", 0}, {"messages", {{{"role", "user"}, {"content", text}}}}};
  body.update(more);
  return body;
}

constexpr const char* kChat = "/v1/chat/completions";
constexpr const char* kComplete = "/v1/completions";

/// The texts of a chat stream's deltas, joined, for one choice.
std::string StreamedText(const TestResponse& response, int choice = 0) {
  std::string text;
  for (const std::string& event : response.events) {
    const Json json = Json::parse(event, nullptr, false);
    if (!json.is_object() || !json.contains("choices") || json["choices"].empty()) continue;
    const Json& first = json["choices"][0];
    if (first["index"] != choice) continue;
    if (first.contains("delta")) text += first["delta"].value("content", "");
    if (first.contains("text")) text += first["text"].get<std::string>();
  }
  return text;
}

TEST(ChatCompletionsTest, AnswersWhole) {
  ServiceFixture f;
  const TestResponse response = f.Post(kChat, Chat("hi"));
  ASSERT_EQ(response.status, 200) << response.body;
  const Json& json = response.json;
  EXPECT_TRUE(json["id"].get<std::string>().starts_with("chatcmpl-"));
  EXPECT_EQ(json["object"], "chat.completion");
  EXPECT_EQ(json["model"], "fake");
  EXPECT_GT(json["created"].get<int64_t>(), 1'600'000'000);
  ASSERT_EQ(json["choices"].size(), 1u);
  const Json& choice = json["choices"][0];
  EXPECT_EQ(choice["message"]["role"], "assistant");
  EXPECT_EQ(choice["message"]["content"], "Hello, world.");
  EXPECT_EQ(choice["finish_reason"], "stop");
  // "user: hi\n" as bytes; 13 letters and the end.
  EXPECT_EQ(json["usage"]["prompt_tokens"], 9);
  EXPECT_EQ(json["usage"]["completion_tokens"], 14);
  EXPECT_EQ(json["usage"]["total_tokens"], 23);
}

TEST(ChatCompletionsTest, StreamsTheSameTextThatItAnswersWhole) {
  ServiceFixture f;
  const TestResponse response =
      f.Post(kChat, Chat("hi", {{"stream", true}, {"stream_options", {{"include_usage", true}}}}));
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_NE(response.head.find("Content-Type: text/event-stream"), std::string::npos);
  ASSERT_GE(response.events.size(), 4u);
  EXPECT_EQ(response.events.back(), "[DONE]");
  const Json first = Json::parse(response.events.front());
  EXPECT_EQ(first["object"], "chat.completion.chunk");
  EXPECT_EQ(first["choices"][0]["delta"]["role"], "assistant");
  EXPECT_EQ(first["choices"][0]["finish_reason"], nullptr);
  EXPECT_EQ(StreamedText(response), "Hello, world.");
  const Json usage = Json::parse(response.events[response.events.size() - 2]);
  EXPECT_TRUE(usage["choices"].empty());
  EXPECT_EQ(usage["usage"]["completion_tokens"], 14);
  const Json last = Json::parse(response.events[response.events.size() - 3]);
  EXPECT_EQ(last["choices"][0]["finish_reason"], "stop");
  for (const std::string& event : response.events) {
    if (event == "[DONE]") continue;
    EXPECT_EQ(Json::parse(event)["id"], first["id"]);
  }
}

TEST(ChatCompletionsTest, StopsAtAStopStringAndAtTheTokenLimit) {
  ServiceFixture f;
  TestResponse response = f.Post(kChat, Chat("hi", {{"stop", ", w"}}));
  EXPECT_EQ(response.json["choices"][0]["message"]["content"], "Hello");
  EXPECT_EQ(response.json["choices"][0]["finish_reason"], "stop");
  for (const char* name : {"max_tokens", "max_completion_tokens"}) {
    response = f.Post(kChat, Chat("hi", {{name, 4}}));
    EXPECT_EQ(response.json["choices"][0]["message"]["content"], "Hell");
    EXPECT_EQ(response.json["choices"][0]["finish_reason"], "length");
    EXPECT_EQ(response.json["usage"]["completion_tokens"], 4);
  }
}

TEST(ChatCompletionsTest, GivesSeveralChoicesThatDrawApart) {
  ServiceFixture f({.models = {{"fake", {.model = {}}}}});
  const Json wish = {
      {"n", 3},          {"temperature", 2},   {"seed", 7},
      {"max_tokens", 8}, {"ignore_eos", true}, {"logit_bias", {{"256", -100}, {"257", -100}}}};
  const TestResponse response = f.Post(kChat, Chat("hi", wish));
  ASSERT_EQ(response.status, 200) << response.body;
  ASSERT_EQ(response.json["choices"].size(), 3u);
  const auto text = [&](const TestResponse& r, int i) { return r.json["choices"][i]["message"]; };
  EXPECT_NE(text(response, 0), text(response, 1));
  EXPECT_NE(text(response, 1), text(response, 2));
  EXPECT_EQ(response.json["usage"]["prompt_tokens"], 9);
  EXPECT_EQ(response.json["usage"]["completion_tokens"], 24);
  const TestResponse again = f.Post(kChat, Chat("hi", wish));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(text(response, i), text(again, i)) << i;
  // The second choice of seed 7 is the first one of seed 8.
  Json other = wish;
  other["seed"] = 8;
  other["n"] = 1;
  EXPECT_EQ(text(f.Post(kChat, Chat("hi", other)), 0), text(response, 1));
  Json streamed = wish;
  streamed["stream"] = true;
  const TestResponse stream = f.Post(kChat, Chat("hi", streamed));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(StreamedText(stream, i), text(response, i)["content"]) << i;
  }
}

TEST(ChatCompletionsTest, GivesLogprobs) {
  ServiceFixture f;
  const Json wish = {{"logprobs", true}, {"top_logprobs", 2}};
  const TestResponse response = f.Post(kChat, Chat("hi", wish));
  const Json& content = response.json["choices"][0]["logprobs"]["content"];
  ASSERT_EQ(content.size(), 13u) << response.body;
  EXPECT_EQ(content[0]["token"], "H");
  EXPECT_EQ(content[0]["bytes"], Json::array({72}));
  EXPECT_LE(content[0]["logprob"].get<double>(), 0);
  ASSERT_EQ(content[0]["top_logprobs"].size(), 2u);
  EXPECT_EQ(content[0]["top_logprobs"][0]["token"], "H");
  EXPECT_GE(content[0]["top_logprobs"][0]["logprob"].get<double>(),
            content[0]["top_logprobs"][1]["logprob"].get<double>());
}

TEST(ChatCompletionsTest, ReadsContentInParts) {
  ServiceFixture f;
  Json body = Chat("");
  body["messages"][0]["content"] = {{{"type", "text"}, {"text", "a"}},
                                    {{"type", "text"}, {"text", "b"}}};
  // "user: a\nb\n" has 10 bytes.
  EXPECT_EQ(f.Post(kChat, body).json["usage"]["prompt_tokens"], 10);
}

TEST(CompletionsTest, ContinuesTextsAndTokens) {
  ServiceFixture f;
  Json body = {{"model", "fake"}, {"prompt", "abc\n"}, {"temperature", 0}};
  TestResponse response = f.Post(kComplete, body);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.json["object"], "text_completion");
  EXPECT_EQ(response.json["choices"][0]["text"], "Hello, world.");
  EXPECT_EQ(response.json["usage"]["prompt_tokens"], 5);  // with the token that begins a text
  body["prompt"] = {97, 10};
  EXPECT_EQ(f.Post(kComplete, body).json["choices"][0]["text"], "Hello, world.");
  body["prompt"] = {"a\n", "b\n"};
  body["n"] = 2;
  body["echo"] = true;
  response = f.Post(kComplete, body);
  ASSERT_EQ(response.json["choices"].size(), 4u) << response.body;
  EXPECT_EQ(response.json["choices"][1]["text"], "a\nHello, world.");
  EXPECT_EQ(response.json["choices"][2]["text"], "b\nHello, world.");
  EXPECT_EQ(response.json["choices"][3]["index"], 3);
  EXPECT_EQ(response.json["usage"]["prompt_tokens"], 6);
  body["stream"] = true;
  EXPECT_EQ(StreamedText(f.Post(kComplete, body), 2), "b\nHello, world.");
}

TEST(CompletionsTest, GivesLogprobsInTheOldForm) {
  ServiceFixture f;
  const TestResponse response =
      f.Post(kComplete, {{"prompt", "\n"}, {"temperature", 0}, {"max_tokens", 3}, {"logprobs", 2}});
  const Json& logprobs = response.json["choices"][0]["logprobs"];
  EXPECT_EQ(logprobs["tokens"], Json::array({"H", "e", "l"}));
  EXPECT_EQ(logprobs["text_offset"], Json::array({0, 1, 2}));
  EXPECT_EQ(logprobs["top_logprobs"][0].size(), 2u);
}

TEST(GenerationTest, RefusesWhatIsWrongByItsName) {
  ServiceFixture f;
  struct Case {
    Json change;
    const char* param;
  };
  for (const Case& c : std::vector<Case>{
           {{{"temperature", "hot"}}, "temperature"},
           {{{"temperature", -1}}, "temperature"},
           {{{"temperature", 2.5}}, "temperature"},
           {{{"top_p", 1.5}}, "top_p"},
           {{{"n", 0}}, "n"},
           {{{"n", 1.5}}, "n"},
           {{{"n", 5}}, nullptr},  // more than are answered at a time
           {{{"max_tokens", 0}}, "max_tokens"},
           {{{"max_tokens", 1e30}}, "max_tokens"},
           {{{"seed", "x"}}, "seed"},
           {{{"stop", {"a", 1}}}, "stop"},
           {{{"stop", ""}}, "stop"},
           {{{"logit_bias", {{"x", 1}}}}, "logit_bias"},
           {{{"logit_bias", {{"1", 200}}}}, "logit_bias"},
           {{{"logit_bias", {{"100000", 1}}}}, nullptr},
           {{{"stream", 1}}, "stream"},
           {{{"stream_options", {{"include_usage", true}}}}, "stream_options"},
           {{{"presence_penalty", 3}}, "presence_penalty"},
           {{{"top_logprobs", 2}}, "top_logprobs"},
           {{{"logprobs", true}, {"top_logprobs", 21}}, "top_logprobs"},
           {{{"messages", nullptr}}, "messages"},
           {{{"messages", "hi"}}, "messages"},
           {{{"messages", Json::array()}}, "messages"},
           {{{"messages", {1}}}, "messages[0]"},
           {{{"messages", {{{"content", "x"}}}}}, "messages[0].role"},
           {{{"messages", {{{"role", "user"}}}}}, "messages[0].content"},
           {{{"messages", {{{"role", "user"}, {"content", 7}}}}}, "messages[0].content"},
           {{{"messages", {{{"role", "user"}, {"content", {{{"type", "image_url"}}}}}}}},
            "messages[0].content[0]"},
           {{{"model", 3}}, "model"},
       }) {
    const TestResponse response = f.Post(kChat, Chat("hi", c.change));
    EXPECT_TRUE(response.status == 400 || (c.param == nullptr && response.status < 500))
        << c.change << " " << response.status << response.body;
    if (c.param != nullptr) {
      EXPECT_EQ(response.json["error"]["param"], c.param) << response.body;
    }
    EXPECT_TRUE(response.json["error"]["message"].is_string()) << response.body;
    EXPECT_EQ(response.json["error"]["type"], "invalid_request_error") << response.body;
  }
  // Fields that nobody knows are passed over.
  EXPECT_EQ(f.Post(kChat, Chat("hi", {{"store", true}, {"whatever", {1}}})).status, 200);
}

TEST(GenerationTest, RefusesBodiesThatAreNoJson) {
  ServiceFixture f;
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("[1]"), std::string("null"),
        "{\"messages\": " + deep + "}", std::string("{\"model\": \"\xff\xfe\"}"),
        std::string("{\"a\": 1e999}"), std::string(1000, '\0')}) {
    const TestResponse response = f.Send(ServiceFixture::Request("POST", kChat, body));
    EXPECT_EQ(response.status, 400) << body.substr(0, 50);
    EXPECT_TRUE(response.json["error"]["message"].is_string());
  }
}

TEST(GenerationTest, RefusesPromptsThatAreTooLong) {
  ServiceFixture f;
  const TestResponse response = f.Post(kChat, Chat(std::string(300, 'x')));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.json["error"]["code"], "context_length_exceeded");
  EXPECT_EQ(response.json["error"]["param"], "messages");
}

TEST(GenerationTest, SaysWhichModelIsMissing) {
  ServiceFixture f;
  const TestResponse response = f.Post(kChat, Chat("hi", {{"model", "other"}}));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.json["error"]["code"], "model_not_found");
}

TEST(GenerationTest, AnswersManyAtOnceAsItAnswersEachAlone) {
  ServiceFixture f({.models = {{"fake", {.model = {}, .max_sequences = 4}}}});
  const auto ask = [&](int i, bool stream) {
    const Json wish = {{"max_tokens", 20}, {"ignore_eos", true}, {"stream", stream},
                       {"seed", i},        {"temperature", 2},   {"logit_bias", {{"257", -100}}}};
    const TestResponse response = f.Post(kChat, Chat(StrCat("question ", i), wish));
    EXPECT_EQ(response.status, 200) << response.body;
    return stream ? StreamedText(response)
                  : response.json["choices"][0]["message"].value("content", "");
  };
  std::vector<std::string> alone;
  for (int i = 0; i < 12; ++i) alone.push_back(ask(i, false));
  std::vector<std::string> together(12);
  std::vector<std::thread> threads;
  for (int i = 0; i < 12; ++i) {
    threads.emplace_back([&, i] { together[static_cast<size_t>(i)] = ask(i, i % 2 == 0); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(together, alone);
}

TEST(GenerationTest, StopsWritingForAClientThatHasGone) {
  FakeModelOptions endless;
  endless.next = [](std::span<const int32_t>) { return 'x'; };
  ServiceFixture f({.models = {{"fake", {.model = endless, .n_ctx = 2048}}}});
  const auto n_running = [&] {
    int64_t n = 0;
    f.host().ForEachLoaded([&](const HostedModel& m) { n = m.lane->stats().n_running; });
    return n;
  };
  for (const bool stream : {false, true}) {
    RawClient client(f.port());
    client.Send(ServiceFixture::Request("POST", kChat, Chat("hi", {{"stream", stream}}).dump()));
    if (stream) client.ReadUntil("\"x\"");
    client.Close();
    EXPECT_TRUE(Eventually([&] { return n_running() == 0; }));
  }
  int64_t n_reserved = 1;
  f.host().ForEachLoaded(
      [&](const HostedModel& m) { n_reserved = m.lane->stats().n_reserved_kv_pages; });
  EXPECT_EQ(n_reserved, 0);
}

TEST(GenerationTest, LoadsAModelOnceForAllWhoWait) {
  ServiceFixture f;
  std::atomic<bool> go = false;
  f.on_load = [&](const std::string&) { Eventually([&] { return go.load(); }); };
  std::vector<std::thread> threads;
  std::atomic<int> n_answered = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { n_answered += f.Post(kChat, Chat("hi")).status == 200; });
  }
  EXPECT_TRUE(Eventually([&] { return f.server().n_connections() == 4; }));
  EXPECT_EQ(f.Get("/health").status, 200);  // nothing else is held up
  go = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(n_answered, 4);
  EXPECT_EQ(f.n_loads(), 1);
}

TEST(RoutesTest, ListModelsAndTellWhatIsNotThere) {
  ServiceFixture f;
  const TestResponse models = f.Get("/v1/models");
  EXPECT_EQ(models.json["data"][0]["id"], "fake");
  EXPECT_EQ(f.Get("/v1/models/fake").json["object"], "model");
  EXPECT_EQ(f.Get("/v1/models/none").status, 404);
  EXPECT_EQ(f.Get("/v1/nothing").status, 404);
  EXPECT_EQ(f.Get("/v1/chat/completions").status, 405);
  EXPECT_EQ(f.Get("/health").json["status"], "ok");
}

}  // namespace
}  // namespace autoglm

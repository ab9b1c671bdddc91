// The other routes, apps and what they may see of each other, over real sockets.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "service/metrics.h"
#include "service/public_prompts.h"
#include "service/request_log.h"
#include "service/service_fixture_for_test.h"
#include "service/sessions.h"

namespace autoglm {
namespace {

constexpr const char* kChat = "/v1/chat/completions";
constexpr const char* kKeyA = "Authorization: Bearer key-of-the-app-a\r\n";
constexpr const char* kKeyB = "Authorization: Bearer key-of-the-app-b\r\n";
constexpr const char* kAdmin = "Authorization: Bearer token-of-the-operator\r\n";

Json Chat(std::string_view text, const Json& more = Json::object()) {
  Json body = {{"temperature", 0}, {"messages", {{{"role", "user"}, {"content", text}}}}};
  body.update(more);
  return body;
}

ServiceSettings TwoApps() {
  ServiceSettings settings;
  settings.apps.push_back({.name = "a", .keys = {DigestOf("key-of-the-app-a")}});
  settings.apps.push_back({.name = "b", .keys = {DigestOf("key-of-the-app-b")}});
  settings.admin_token = "token-of-the-operator";
  return settings;
}

/// Writes "xxxx..." without end, a thousand a second at most.
FakeModelOptions Slow() {
  FakeModelOptions options;
  options.next = [](std::span<const int32_t>) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return 'x';
  };
  return options;
}

TEST(TokenizeTest, GoesThereAndBack) {
  ServiceFixture f;
  const TestResponse tokens = f.Post("/tokenize", {{"content", "hi"}, {"add_special", true}});
  EXPECT_EQ(tokens.json["tokens"], Json::array({256, 104, 105})) << tokens.body;
  EXPECT_EQ(f.Post("/detokenize", {{"tokens", {104, 105}}}).json["content"], "hi");
  EXPECT_EQ(f.Post("/tokenize", {{"content", 1}}).json["error"]["param"], "content");
  EXPECT_EQ(f.Post("/detokenize", {{"tokens", {-1}}}).json["error"]["param"], "tokens");
  EXPECT_EQ(f.Post("/detokenize", {{"tokens", {4000000}}}).status, 200);
}

TEST(ResponsesTest, AnswersAndGoesOnFromAnEarlierAnswer) {
  ServiceFixture f;
  const TestResponse first =
      f.Post("/v1/responses", {{"input", "hi"}, {"instructions", "Be nice."}, {"temperature", 0}});
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(first.json["object"], "response");
  EXPECT_EQ(first.json["status"], "completed");
  EXPECT_EQ(first.json["output"][0]["content"][0]["text"], "Hello, world.");
  // "system: Be nice.\nuser: hi\n"
  EXPECT_EQ(first.json["usage"]["input_tokens"], 26);
  const std::string id = first.json["id"];
  const TestResponse second =
      f.Post("/v1/responses", {{"input", {{{"role", "user"}, {"content", "more"}}}},
                               {"previous_response_id", id},
                               {"temperature", 0}});
  ASSERT_EQ(second.status, 200) << second.body;
  // "user: hi\nassistant: Hello, world.\nuser: more\n": instructions are not carried over.
  EXPECT_EQ(second.json["usage"]["input_tokens"], 9 + 25 + 11);
  EXPECT_EQ(f.Get("/v1/responses/" + id).json["id"], id);
  EXPECT_EQ(f.Send(ServiceFixture::Request("DELETE", "/v1/responses/" + id, "")).status, 200);
  EXPECT_EQ(f.Get("/v1/responses/" + id).status, 404);
  EXPECT_EQ(f.Post("/v1/responses", {{"input", "x"}, {"previous_response_id", id}})
                .json["error"]["param"],
            "previous_response_id");
}

TEST(ResponsesTest, StreamsEventsThatAddUp) {
  ServiceFixture f;
  const TestResponse response =
      f.Post("/v1/responses",
             {{"input", "hi"}, {"stream", true}, {"max_output_tokens", 5}, {"temperature", 0}});
  ASSERT_GE(response.events.size(), 8u) << response.body;
  std::string text;
  for (size_t i = 0; i < response.events.size(); ++i) {
    const Json event = Json::parse(response.events[i]);
    EXPECT_EQ(event["sequence_number"], i);
    if (event["type"] == "response.output_text.delta") text += event["delta"].get<std::string>();
  }
  EXPECT_EQ(text, "Hello");
  EXPECT_EQ(Json::parse(response.events.front())["type"], "response.created");
  const Json last = Json::parse(response.events.back());
  EXPECT_EQ(last["type"], "response.incomplete");
  EXPECT_EQ(last["response"]["output"][0]["content"][0]["text"], "Hello");
  EXPECT_EQ(last["response"]["incomplete_details"]["reason"], "max_output_tokens");
}

TEST(AppsTest, OnlyTheRightKeyLetsIn) {
  ServiceFixture f({.settings = TwoApps()});
  EXPECT_EQ(f.Post(kChat, Chat("hi"), kKeyA).status, 200);
  for (const char* headers :
       {"", "Authorization: Bearer key-of-the-app-c\r\n", "Authorization: Basic abc\r\n",
        "Authorization: Bearer \r\n", "Authorization: Bearer key-of-the-app-\r\n"}) {
    const TestResponse response = f.Post(kChat, Chat("hi"), headers);
    EXPECT_EQ(response.status, 401) << headers;
    EXPECT_EQ(response.json["error"]["code"], "invalid_api_key");
  }
  EXPECT_EQ(f.Get("/health").status, 200);
  EXPECT_EQ(f.Get("/metrics", kKeyA).status, 401);  // of all apps: the operator's
  EXPECT_EQ(f.Get("/metrics", kAdmin).status, 200);
}

TEST(AppsTest, AUserIsKnownOnTheUnixSocket) {
  const std::string path = testing::TempDir() + "/autoglm_service_test.sock";
  ServiceSettings settings = TwoApps();
  settings.apps[1].uids = {getuid()};
  ServiceFixture f({.settings = settings, .server = {.unix_path = path}});
  RawClient client(path);
  client.Send(ServiceFixture::Request("POST", kChat, Chat("hi").dump()));
  EXPECT_EQ(ServiceFixture::ReadResponse(client).status, 200);
  // A wrong key is not made up for by the user.
  client.Send(
      ServiceFixture::Request("POST", kChat, Chat("hi").dump(), "Authorization: Bearer wrong\r\n"));
  EXPECT_EQ(ServiceFixture::ReadResponse(client).status, 401);
}

TEST(AppsTest, AnAppSeesItsModelsOnly) {
  ServiceSettings settings = TwoApps();
  settings.apps[0].models = {"one"};
  ServiceFixture f({.models = {{"one", {}}, {"two", {}}}, .settings = settings});
  EXPECT_EQ(f.Get("/v1/models", kKeyA).json["data"].size(), 1u);
  EXPECT_EQ(f.Get("/v1/models", kKeyB).json["data"].size(), 2u);
  EXPECT_EQ(f.Get("/v1/models/two", kKeyA).status, 404);
  const TestResponse hidden = f.Post(kChat, Chat("hi", {{"model", "two"}}), kKeyA);
  const TestResponse missing = f.Post(kChat, Chat("hi", {{"model", "six"}}), kKeyA);
  EXPECT_EQ(hidden.status, 404);
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(f.Post("/tokenize", {{"content", "x"}, {"model", "two"}}, kKeyA).status, 404);
}

TEST(AppsTest, NewAppsTakeEffectWithoutDroppingAnswers) {
  ServiceFixture f({.models = {{"fake", {.model = Slow(), .n_ctx = 2048}}}, .settings = TwoApps()});
  RawClient client(f.port());
  client.Send(ServiceFixture::Request("POST", kChat, Chat("hi", {{"stream", true}}).dump(), kKeyA));
  client.ReadUntil("\"x\"");
  ServiceSettings settings = TwoApps();
  settings.apps.erase(settings.apps.begin());
  f.service().Reconfigure(settings);
  EXPECT_EQ(f.Get("/v1/models", kKeyA).status, 401);
  client.ReadUntil("\"x\"");
  EXPECT_EQ(client.ReadUntil("\"x\"").find("error"), std::string::npos);
}

TEST(AppsTest, TheTokenBucketOfOneAppIsNotTheOthers) {
  ServiceSettings settings = TwoApps();
  settings.apps[0].rate = {.rate_per_s = 0.01, .burst = 2};
  ServiceFixture f({.settings = settings});
  EXPECT_EQ(f.Post(kChat, Chat("hi"), kKeyA).status, 200);
  EXPECT_EQ(f.Post(kChat, Chat("hi"), kKeyA).status, 200);
  const TestResponse response = f.Post(kChat, Chat("hi"), kKeyA);
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.json["error"]["type"], "rate_limit_error");
  const size_t at = response.head.find("Retry-After: ");
  ASSERT_NE(at, std::string::npos) << response.head;
  const int seconds = std::stoi(response.head.substr(at + 13));
  EXPECT_GT(seconds, 90);
  EXPECT_LE(seconds, 100);
  EXPECT_EQ(f.Post(kChat, Chat("hi"), kKeyB).status, 200);
}

TEST(PrefixTest, IsSharedWithinAnAppAndNeverAcross) {
  ServiceFixture f({.settings = TwoApps()});
  const std::string text(150, 'q');
  const auto n_cached = [&](const char* key) {
    const TestResponse response = f.Post(kChat, Chat(text), key);
    EXPECT_EQ(response.status, 200) << response.body;
    return response.json["usage"]["prompt_tokens_details"]["cached_tokens"].get<int>();
  };
  EXPECT_EQ(n_cached(kKeyA), 0);
  EXPECT_EQ(n_cached(kKeyB), 0);
  EXPECT_GE(n_cached(kKeyA), 128);
}

TEST(PrefixTest, IsSharedWithAllWhereTheOperatorSaysSo) {
  ServiceFixture f({.settings = TwoApps()});
  const std::string system(100, 's');
  EXPECT_EQ(f.Post(kChat, Chat("load"), kKeyA).status, 200);
  std::shared_ptr<HostedModel> model;
  f.host().Acquire("fake", [&](const auto& result) { model = *result; });
  SharePublicPrompts(model, {system}, f.inference(), Logger());
  EXPECT_TRUE(Eventually([&] { return model->lane->stats().n_cached_kv_pages >= 3; }));
  const TestResponse response =
      f.Post(kChat,
             {{"messages",
               {{{"role", "system"}, {"content", system}}, {{"role", "user"}, {"content", "hi"}}}}},
             kKeyB);
  EXPECT_EQ(response.json["usage"]["prompt_tokens_details"]["cached_tokens"], 96) << response.body;
}

TEST(PriorityTest, IsReadFromHeadersAndFields) {
  ServiceFixture f;
  EXPECT_EQ(f.Post(kChat, Chat("hi"), "X-Priority: batch\r\n").status, 200);
  EXPECT_EQ(f.Post(kChat, Chat("hi", {{"max_tokens", 2}}), "X-Deadline-Ms: 60000\r\n").status, 200);
  EXPECT_EQ(f.Post(kChat, Chat("hi"), "X-Priority: now\r\n").json["error"]["param"], "X-Priority");
  EXPECT_EQ(f.Post(kChat, Chat("hi"), "X-Deadline-Ms: -4\r\n").status, 400);
  EXPECT_EQ(f.Post(kChat, Chat("hi", {{"priority", "x"}})).json["error"]["param"], "priority");
}

int64_t LoadedBytes(ServiceFixture& f) {
  int64_t bytes = 0;
  for (const ModelState& model : f.host().List()) bytes += model.bytes;
  return bytes;
}

TEST(AdmissionTest, RefusesWhatNeverFitsWithTheFigures) {
  ServiceFixture f({.models = {{"fake", {.n_kv_pages = 8}}}});
  const TestResponse response = f.Post(kChat, Chat("hi", {{"n", 4}, {"max_tokens", 200}}));
  EXPECT_EQ(response.status, 413) << response.body;
  EXPECT_EQ(response.json["error"]["code"], "too_large");
  EXPECT_EQ(f.Post(kChat, Chat("hi", {{"max_tokens", 200}})).status, 200);
}

TEST(AdmissionTest, MemoryOfTasksIsNeverOversold) {
  ServiceFixture f({.models = {{"fake", {.model = Slow(), .n_ctx = 2048, .n_kv_pages = 256}}},
                    .budget_bytes = 8'000'000'000});
  // Image detection of 6.2 GB is under way; live speech of 3.8 GB does not fit beside it.
  RawClient image(f.port());
  image.Send(ServiceFixture::Request("POST", kChat, Chat("hi", {{"stream", true}}).dump(),
                                     "X-Memory-Bytes: 6200000000\r\n"));
  image.ReadUntil("\"x\"");
  RawClient speech(f.port());
  speech.Send(ServiceFixture::Request("POST", kChat, Chat("hi", {{"max_tokens", 2}}).dump(),
                                      "X-Memory-Bytes: 3800000000\r\n"));
  EXPECT_EQ(speech.ReadUntil("\r\n\r\n", 300), "") << "it waits";
  EXPECT_EQ(f.host().budget().free_bytes(), 1'800'000'000 - LoadedBytes(f));
  // Who needs no such memory does not wait, and whose deadline is too near is told so.
  EXPECT_EQ(f.Post(kChat, Chat("hi", {{"max_tokens", 2}})).status, 200);
  const TestResponse late = f.Post(kChat, Chat("hi", {{"max_tokens", 2}}),
                                   "X-Memory-Bytes: 3800000000\r\nX-Deadline-Ms: 150\r\n");
  EXPECT_TRUE(late.status == 429 || late.status == 504) << late.body;
  EXPECT_NE(late.head.find("Retry-After: "), std::string::npos) << late.head;
  image.Close();
  EXPECT_EQ(ServiceFixture::ReadResponse(speech).status, 200);
  EXPECT_TRUE(
      Eventually([&] { return f.host().budget().free_bytes() == 8'000'000'000 - LoadedBytes(f); }));
}

TEST(AdmissionTest, MemoryOfTasksThatWaitsForTooLongIsRefusedWithATime) {
  AdmissionOptions admission;
  admission.max_wait_ns = {50'000'000, 50'000'000, 50'000'000};
  ServiceFixture f({.models = {{"fake", {.model = Slow(), .n_ctx = 2048, .n_kv_pages = 256}}},
                    .budget_bytes = 8'000'000'000,
                    .admission = admission});
  RawClient image(f.port());
  image.Send(ServiceFixture::Request("POST", kChat, Chat("hi", {{"stream", true}}).dump(),
                                     "X-Memory-Bytes: 6200000000\r\n"));
  image.ReadUntil("\"x\"");
  const TestResponse speech =
      f.Post(kChat, Chat("hi", {{"max_tokens", 2}}), "X-Memory-Bytes: 3800000000\r\n");
  EXPECT_EQ(speech.status, 429) << speech.body;
  EXPECT_NE(speech.head.find("Retry-After: "), std::string::npos);
}

TEST(AdmissionTest, MemoryOfTasksThatCanNeverBeHadIsRefusedWithTheFigures) {
  ServiceFixture f({.budget_bytes = 8'000'000'000});
  ASSERT_EQ(f.Post(kChat, Chat("hi")).status, 200);
  const int64_t most = 8'000'000'000 - LoadedBytes(f);
  const auto ask = [&](int64_t bytes) {
    return f.Post(kChat, Chat("hi"), StrCat("X-Memory-Bytes: ", bytes, "\r\n"));
  };
  EXPECT_EQ(ask(most).status, 200);
  const TestResponse refused = ask(most + 1);
  EXPECT_EQ(refused.status, 413) << refused.body;
  EXPECT_NE(refused.body.find(StrCat(most)), std::string::npos) << refused.body;
  EXPECT_EQ(refused.json["error"]["param"], "X-Memory-Bytes");
}

TEST(AdmissionTest, IdleModelsMakeRoomForMemoryOfTasks) {
  ServiceFixture f({.models = {{"a", {}}, {"b", {}}}, .budget_bytes = 8'000'000'000});
  ASSERT_EQ(f.Post(kChat, Chat("hi", {{"model", "b"}})).status, 200);
  ASSERT_EQ(f.Post(kChat, Chat("hi", {{"model", "a"}})).status, 200);
  const int64_t most = 8'000'000'000 - LoadedBytes(f) / 2;  // both are alike
  EXPECT_EQ(
      f.Post(kChat, Chat("hi", {{"model", "a"}}), StrCat("X-Memory-Bytes: ", most, "\r\n")).status,
      200);
  EXPECT_EQ(f.host().n_evictions(), 1);
}

TEST(AdminTest, IsNotThereWithoutAToken) {
  ServiceFixture f;
  EXPECT_EQ(f.Get("/admin/models").status, 404);
  ServiceFixture with_token({.settings = TwoApps()});
  EXPECT_EQ(with_token.Get("/admin/models", kKeyA).status, 401);
  EXPECT_EQ(with_token.Get("/admin/models", kAdmin).json["models"].size(), 1u);
}

TEST(AdminTest, LoadsPinsAndUnloads) {
  ServiceFixture f({.settings = TwoApps()});
  const auto post = [&](const char* path) { return f.Post(path, Json::object(), kAdmin); };
  const auto model = [&] { return f.Get("/admin/models", kAdmin).json["models"][0]; };
  EXPECT_EQ(model()["loaded"], false);
  EXPECT_EQ(post("/admin/models/fake/load").status, 200);
  EXPECT_EQ(model()["loaded"], true);
  EXPECT_GT(model()["bytes"].get<int64_t>(), 0);
  EXPECT_EQ(post("/admin/models/fake/pin").status, 200);
  EXPECT_EQ(model()["pinned"], true);
  // The answer to "load" holds the model until it is written, a moment after we have read it.
  EXPECT_TRUE(Eventually([&] { return model()["in_use"] == false; }));
  EXPECT_EQ(post("/admin/models/fake/unload").status, 200);
  EXPECT_EQ(model()["loaded"], false);
  EXPECT_EQ(post("/admin/models/none/load").status, 404);
  EXPECT_EQ(post("/admin/models/none/pin").status, 404);
}

TEST(ModelHostTest, UnloadsTheLeastRecentlyUsedThatNobodyHolds) {
  const int64_t each = 64 * FakeModel().kv_layout(DType::kF16)->page_bytes();
  ServiceFixture f(
      {.models = {{"one", {}}, {"two", {}}, {"three", {.model = Slow(), .n_ctx = 2048}}},
       .budget_bytes = 2 * each + each / 2});
  const auto ask = [&](const char* name) {
    return f.Post(kChat, Chat("hi", {{"model", name}, {"max_tokens", 2}})).status;
  };
  const auto loaded = [&] {
    std::vector<std::string> names;
    for (const ModelState& state : f.host().List()) {
      if (state.loaded) names.push_back(state.name);
    }
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(ask("one"), 200);
  EXPECT_EQ(ask("two"), 200);
  EXPECT_EQ(loaded(), (Names{"one", "two"}));
  EXPECT_EQ(ask("one"), 200);
  EXPECT_TRUE(Eventually([&] { return !f.host().List()[1].in_use; }));
  EXPECT_EQ(ask("three"), 200);
  EXPECT_EQ(loaded(), (Names{"one", "three"}));
  // One that is writing stays, whatever comes.
  RawClient client(f.port());
  client.Send(ServiceFixture::Request("POST", kChat,
                                      Chat("x", {{"model", "three"}, {"stream", true}}).dump()));
  client.ReadUntil("\"x\"");
  ASSERT_TRUE(f.host().SetPinned("one", true).ok());
  EXPECT_EQ(ask("two"), 503);
  EXPECT_EQ(loaded(), (Names{"one", "three"}));
}

TEST(MetricsTest, CountWhatHappened) {
  Metrics metrics;
  std::vector<std::string> lines;
  RequestLog log([&](std::string_view line) { lines.emplace_back(line); });
  ServiceFixture f({.observers = {&metrics, &log}});
  f.service().metrics_text = [&] {
    return metrics.Text(f.host(), f.service().limits(), f.server().n_connections());
  };
  EXPECT_EQ(f.Post(kChat, Chat("secret words")).status, 200);
  EXPECT_EQ(f.Post(kChat, Chat("hi", {{"model", "none"}})).status, 404);
  const std::string text = f.Get("/metrics").body;
  for (const char* line :
       {"autoglm_generated_tokens_total{app=\"default\",class=\"interactive\",model=\"fake\"} 14",
        "autoglm_refusals_total{app=\"default\",reason=\"model_not_found\"} 1",
        "autoglm_first_token_seconds_count{app=\"default\",class=\"interactive\",model=\"fake\"} 1",
        "autoglm_token_gap_seconds_count{app=\"default\",class=\"interactive\",model=\"fake\"} 13",
        "autoglm_requests_total{app=\"default\",class=\"interactive\",model=\"\",route=\"/v1/chat/"
        "completions\",status=\"404\"} 1",
        "autoglm_kv_pages{model=\"fake\",use=\"all\"} 64",
        "autoglm_requests_waiting{class=\"batch\",model=\"fake\"} 0"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
  ASSERT_EQ(lines.size(), 2u);
  const Json line = Json::parse(lines[0]);
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["n_generated"], 14);
  EXPECT_EQ(lines[0].find("secret"), std::string::npos);
}

class SessionsTest : public testing::Test {
 protected:
  SessionsTest() : folder_(testing::TempDir() + "/autoglm_sessions_test") {
    std::filesystem::remove_all(folder_);
  }
  ~SessionsTest() override { std::filesystem::remove_all(folder_); }

  /// A service over the folder, as after a start.
  struct Running {
    explicit Running(const std::string& folder) : f({.settings = TwoApps()}) {
      auto opened = StateStore::Open(folder, nullptr, {});
      EXPECT_TRUE(opened.ok()) << opened.status().ToString();
      store = std::move(*opened);
      sessions = std::make_unique<Sessions>(*store, f.inference());
      f.service().set_sessions(sessions.get());
    }
    ~Running() {
      f.Stop();
      sessions.reset();
    }
    std::unique_ptr<StateStore> store;
    std::unique_ptr<Sessions> sessions;
    ServiceFixture f;
  };

  const std::string folder_;
};

TEST_F(SessionsTest, AConversationSleepsAndIsResumedByItsOwnAppOnly) {
  const std::string text(200, 'z');
  const Json messages = {{{"role", "user"}, {"content", text}}};
  {
    Running running(folder_);
    const TestResponse saved =
        running.f.Post("/v1/sessions", {{"name", "walk"}, {"messages", messages}}, kKeyA);
    ASSERT_EQ(saved.status, 201) << saved.body;
    EXPECT_EQ(saved.json["n_computed"], 192);
    EXPECT_EQ(running.f.Get("/v1/sessions", kKeyA).json["data"].size(), 1u);
    EXPECT_EQ(running.f.Get("/v1/sessions", kKeyB).json["data"].size(), 0u);
  }
  Running running(folder_);
  const auto cached = [&](const char* key) {
    return running.f.Post(kChat, Chat(text), key)
        .json["usage"]["prompt_tokens_details"]["cached_tokens"]
        .get<int>();
  };
  EXPECT_EQ(running.f.Post("/v1/sessions/walk/resume", Json::object(), kKeyB).status, 404);
  const TestResponse resumed = running.f.Post("/v1/sessions/walk/resume", Json::object(), kKeyA);
  ASSERT_EQ(resumed.status, 200) << resumed.body;
  EXPECT_EQ(cached(kKeyB), 0);
  EXPECT_EQ(cached(kKeyA), 192);
  const auto remove = [&](const char* key) {
    return running.f.Send(ServiceFixture::Request("DELETE", "/v1/sessions/walk", "", key)).status;
  };
  EXPECT_EQ(remove(kKeyB), 404);
  EXPECT_EQ(remove(kKeyA), 200);
  EXPECT_EQ(running.f.Post("/v1/sessions/walk/resume", Json::object(), kKeyA).status, 404);
}

TEST_F(SessionsTest, SaysWhatIsMissing) {
  Running running(folder_);
  EXPECT_EQ(running.f.Post("/v1/sessions", {{"name", "x"}}, kKeyA).json["error"]["param"],
            "messages");
  EXPECT_EQ(running.f.Post("/v1/sessions", {{"prompt", "x"}}, kKeyA).json["error"]["param"],
            "name");
  ServiceFixture without;
  EXPECT_EQ(without.Get("/v1/sessions").status, 400);
}

}  // namespace
}  // namespace autoglm

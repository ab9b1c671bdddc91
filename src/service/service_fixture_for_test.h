// ServiceFixture: a whole service over models without weights, reached over real sockets.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/str.h"
#include "engine/fake_model.h"
#include "net/http_server.h"
#include "net/raw_client_for_test.h"
#include "service/inference_loop.h"
#include "service/model_host.h"
#include "service/service.h"

namespace autoglm {

using Json = nlohmann::ordered_json;

/// After the last '\n' of the prompt writes `answer` and ends.
inline FakeModelOptions AnsweringModel(std::string answer) {
  FakeModelOptions options;
  options.next = [answer = std::move(answer)](std::span<const int32_t> history) -> int32_t {
    size_t n = 0;
    while (n < history.size() && history[history.size() - 1 - n] != '\n') ++n;
    return n < answer.size() ? static_cast<unsigned char>(answer[n]) : ByteTokenizer::kEos;
  };
  return options;
}

struct FakeModelSettings {
  FakeModelOptions model = AnsweringModel("Hello, world.");
  int n_ctx = 256;
  int n_kv_pages = 64;
  int max_sequences = 4;
  std::string chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
};

inline std::unique_ptr<LoadedModel> MakeFakeParts(const FakeModelSettings& settings) {
  auto parts = std::make_unique<LoadedModel>();
  parts->clock = std::make_unique<SteadyClock>();
  parts->threads = std::make_unique<ThreadPool>(1);
  parts->backend = NewCpuBackend(*parts->threads);
  parts->tokenizer = std::make_unique<ByteTokenizer>();
  if (settings.chat_template.empty()) {
    parts->chat_status = Error(StatusCode::kFailedPrecondition, "the model has no chat template");
  } else {
    SetChatTemplate(settings.chat_template, parts.get());
  }
  parts->model = std::make_unique<FakeModel>(settings.model);
  auto engine =
      Engine::Create(*parts->model, *parts->backend, parts->tokenizer.get(), *parts->clock,
                     {.n_kv_pages = settings.n_kv_pages,
                      .max_sequences = settings.max_sequences,
                      .prefix_cache = true});
  EXPECT_TRUE(engine.ok()) << engine.status().ToString();
  parts->engine = std::move(*engine);
  parts->info.n_ctx = settings.n_ctx;
  parts->info.vocab_size = parts->model->config().vocab_size;
  parts->info.kv_bytes = settings.n_kv_pages * parts->engine->pool().layout().page_bytes();
  return parts;
}

/// Status and body of one response; of a stream the events.
struct TestResponse {
  int status = 0;
  std::string head;
  std::string body;
  Json json;                        ///< of a body that is JSON
  std::vector<std::string> events;  ///< data of server-sent events
};

class ServiceFixture {
 public:
  struct Options {
    std::map<std::string, FakeModelSettings> models = {{"fake", {}}};
    std::map<std::string, std::string> files = {};  ///< real models by name; then no fake ones
    ServiceSettings settings = {};
    HttpServerOptions server = {};
    std::vector<RequestObserver*> observers = {};
    int64_t budget_bytes = INT64_MAX;
    AdmissionOptions admission = {};
    LimitOptions limits = {};
  };

  ServiceFixture() : ServiceFixture(Options()) {}
  explicit ServiceFixture(Options options)
      : options_(std::move(options)), limits_(options_.limits, clock_.NowNs()) {
    ModelHostOptions host = {.models = {}, .budget_bytes = options_.budget_bytes};
    for (const auto& [name, model] : options_.models) {
      host.models.push_back({.name = name,
                             .max_sequences = model.max_sequences,
                             .chunk_tokens = model.model.max_batch_tokens});
    }
    if (!options_.files.empty()) host.models.clear();
    for (const auto& [name, path] : options_.files) {
      host.models.push_back({.name = name, .path = path});
    }
    host_ = std::make_unique<ModelHost>(
        host, [this](const ModelSettings& settings) { return Load(settings); }, Logger());
    service_ = std::make_unique<Service>(options_.settings, *host_, inference_, limits_, clock_,
                                         options_.observers);
    options_.server.port = 0;
    auto server = HttpServer::Start(options_.server, *service_);
    EXPECT_TRUE(server.ok()) << server.status().ToString();
    server_ = std::move(*server);
  }
  ~ServiceFixture() { Stop(); }
  void Stop() {
    server_->Stop(0);
    inference_.Stop();
  }

  uint16_t port() const { return server_->port(); }
  Service& service() { return *service_; }
  ModelHost& host() { return *host_; }
  HttpServer& server() { return *server_; }
  InferenceLoop& inference() { return inference_; }
  int n_loads() const { return n_loads_; }
  /// Called on the loading thread before each load.
  std::function<void(const std::string& name)> on_load;

  static std::string Request(std::string_view method, std::string_view path, std::string_view body,
                             std::string_view headers = "") {
    return StrCat(method, " ", path, " HTTP/1.1\r\nHost: h\r\n", headers,
                  "Content-Length: ", body.size(), "\r\n\r\n", body);
  }

  TestResponse Get(std::string_view path, std::string_view headers = "") {
    return Send(Request("GET", path, "", headers));
  }
  TestResponse Post(std::string_view path, const Json& body, std::string_view headers = "") {
    return Send(Request("POST", path, body.dump(), headers));
  }
  /// One request on a connection of its own, to the response's end.
  TestResponse Send(std::string_view request) {
    RawClient client(port());
    client.Send(request);
    return ReadResponse(client);
  }
  static TestResponse ReadResponse(RawClient& client) {
    TestResponse response;
    response.head = client.ReadUntil("\r\n\r\n");
    if (response.head.size() > 12) response.status = std::stoi(response.head.substr(9, 3));
    if (response.head.find("chunked") != std::string::npos) {
      ReadChunks(client, &response.body);
    } else if (const size_t at = response.head.find("Content-Length: "); at != std::string::npos) {
      response.body = client.ReadExactly(std::stoul(response.head.substr(at + 16)));
    }
    if (response.head.find("text/event-stream") != std::string::npos) ParseEvents(&response);
    response.json = Json::parse(response.body, nullptr, /*allow_exceptions=*/false);
    return response;
  }

 private:
  static void ReadChunks(RawClient& client, std::string* body) {
    while (true) {
      const std::string line = client.ReadUntil("\r\n");
      const size_t n = line.empty() ? 0 : std::stoul(line, nullptr, 16);
      if (n == 0) break;
      *body += client.ReadExactly(n);
      client.ReadUntil("\r\n");
    }
    client.ReadUntil("\r\n");
  }
  static void ParseEvents(TestResponse* response) {
    const std::string& body = response->body;
    for (size_t i = 0; (i = body.find("data: ", i)) != std::string::npos;) {
      const size_t end = body.find("\n\n", i);
      response->events.push_back(body.substr(i + 6, end - i - 6));
      i = end;
    }
  }

  Result<ModelHost::ModelPtr> Load(const ModelSettings& settings) {
    ++n_loads_;
    if (on_load) on_load(settings.name);
    const LanePolicy policy = {.admission = options_.admission,
                               .on_admitted = [this](RequestClass request_class, int64_t delay_ns) {
                                 limits_.ObserveDelay(request_class, delay_ns, clock_.NowNs());
                               }};
    if (!options_.files.empty()) return LoadHostedModel(settings, policy, Logger());
    return NewHostedModel(settings.name, MakeFakeParts(options_.models.at(settings.name)), settings,
                          policy);
  }

  Options options_;
  SteadyClock clock_;
  Limits limits_;
  std::atomic<int> n_loads_ = 0;
  std::unique_ptr<ModelHost> host_;
  InferenceLoop inference_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<HttpServer> server_;
};

/// Waits at most ten seconds for `condition`.
template <typename F>
bool Eventually(F&& condition) {
  for (int i = 0; i < 2000 && !condition(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return condition();
}

}  // namespace autoglm

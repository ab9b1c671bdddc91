// The client against a server that does what a test tells it to.
#include "autoglm/client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "client/endpoint.h"

namespace autoglm {
namespace {

using Clock = std::chrono::steady_clock;

/// Accepts connections one after another, reads a request from each and gives it to `answer`.
class ScriptedServer {
 public:
  /// Sends what it wants; the connection is closed when it returns.
  using Answer = std::function<void(int attempt, int fd, const std::string& request)>;

  explicit ScriptedServer(Answer answer, std::string unix_path = "")
      : answer_(std::move(answer)), unix_path_(std::move(unix_path)) {
    fd_ = ::socket(unix_path_.empty() ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (unix_path_.empty()) {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
      socklen_t size = sizeof(address);
      ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
      url_ = StrCat("http://127.0.0.1:", ntohs(address.sin_port));
    } else {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      unix_path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
      EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
      url_ = "unix:" + unix_path_;
    }
    EXPECT_EQ(::listen(fd_, 16), 0);
    thread_ = std::thread([this] { Serve(); });
  }

  ~ScriptedServer() {
    stop_ = true;
    thread_.join();
    ::close(fd_);
    if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
  }

  const std::string& url() const { return url_; }
  int n_requests() const { return n_requests_; }

  static void Send(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  static void SendJson(int fd, int status, const std::string& body, const char* fields = "") {
    Send(fd, StrCat("HTTP/1.1 ", status, " X\r\n", fields, "Content-Length: ", body.size(),
                    "\r\n\r\n", body));
  }
  /// Nothing, until the peer has gone or the test ends.
  void Hang(int fd) const {
    char byte;
    while (!stop_ && ::recv(fd, &byte, 1, MSG_DONTWAIT) != 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

 private:
  void Serve() {
    for (int attempt = 0; !stop_;) {
      pollfd ready = {fd_, POLLIN, 0};
      if (::poll(&ready, 1, 5) <= 0) continue;
      const int fd = ::accept(fd_, nullptr, nullptr);
      if (fd < 0) continue;
      ++n_requests_;
      answer_(attempt++, fd, ReadRequest(fd));
      ::close(fd);
    }
  }

  std::string ReadRequest(int fd) const {
    std::string request;
    size_t wanted = std::string::npos;
    char buffer[4096];
    while (request.size() < wanted) {
      const ssize_t n = ::recv(fd, buffer, sizeof(buffer), 0);
      if (n <= 0) break;
      request.append(buffer, static_cast<size_t>(n));
      const size_t head = request.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const size_t length = request.find("Content-Length: ");
      wanted = head + 4 + (length < head ? std::stoul(request.substr(length + 16)) : 0);
    }
    return request;
  }

  Answer answer_;
  std::string unix_path_;
  std::string url_;
  int fd_ = -1;
  std::atomic<bool> stop_{false};
  std::atomic<int> n_requests_{0};
  std::thread thread_;
};

std::unique_ptr<Client> Connect(const ScriptedServer& server, ClientOptions options = {}) {
  options.server = server.url();
  if (options.response_timeout_ms == ClientOptions().response_timeout_ms) {
    options.response_timeout_ms = 60;
  }
  return Client::Create(options).value();
}

constexpr char kStreamHead[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

std::string Delta(std::string_view text) {
  return StrCat("data: ", nlohmann::json{{"choices", {{{"delta", {{"content", text}}}}}}}.dump(),
                "\n\n");
}

constexpr char kStreamEnd[] =
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,"
    "\"prompt_tokens_details\":{\"cached_tokens\":3}}}\n\ndata: [DONE]\n\n";

TEST(Client, ListsModelsWithItsKey) {
  std::string request;
  ScriptedServer server([&](int, int fd, const std::string& got) {
    request = got;
    ScriptedServer::SendJson(fd, 200, R"({"data":[{"id":"small"},{"id":"large"}]})");
  });
  const auto client = Connect(server, {.api_key = "secret", .request_class = "batch"});
  EXPECT_EQ(client->Models().value(), (std::vector<std::string>{"small", "large"}));
  EXPECT_TRUE(request.starts_with("GET /v1/models HTTP/1.1\r\n"));
  EXPECT_NE(request.find("Authorization: Bearer secret\r\n"), std::string::npos);
  EXPECT_NE(request.find("X-Priority: batch\r\n"), std::string::npos);
}

TEST(Client, StreamsAChatOverAUnixSocket) {
  const std::string path =
      std::filesystem::temp_directory_path() / StrCat("client_test_", ::getpid());
  std::string request;
  ScriptedServer server(
      [&](int, int fd, const std::string& got) {
        request = got;
        ScriptedServer::Send(fd, kStreamHead + Delta("Hel"));
        ScriptedServer::Send(fd, Delta("lo") + kStreamEnd);
      },
      path);
  std::vector<std::string> pieces;
  ChatOptions options;
  options.max_tokens = 2;
  options.temperature = 0;
  const auto result =
      Connect(server)->Chat("m", {{"user", "Hi"}}, options, [&](std::string_view text) {
        pieces.emplace_back(text);
        return true;
      });
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->text, "Hello");
  EXPECT_EQ(pieces, (std::vector<std::string>{"Hel", "lo"}));
  EXPECT_EQ(result->stop_reason, StopReason::kLength);
  EXPECT_EQ(result->stats.n_prompt_tokens, 7);
  EXPECT_EQ(result->stats.n_tokens, 2);
  EXPECT_EQ(result->stats.n_cached_tokens, 3);
  const auto body = nlohmann::json::parse(request.substr(request.find("\r\n\r\n")));
  EXPECT_EQ(body["messages"][0]["content"], "Hi");
  EXPECT_EQ(body["max_tokens"], 2);
  EXPECT_EQ(body["temperature"], 0);
  EXPECT_FALSE(body.contains("top_k")) << "defaults are left to the server";
}

TEST(Client, CompletesAPromptWithTheServersFirstModel) {
  ScriptedServer server([&](int, int fd, const std::string& request) {
    if (request.starts_with("GET")) {
      return ScriptedServer::SendJson(fd, 200, R"({"data":[{"id":"only"}]})");
    }
    EXPECT_NE(request.find(R"("model":"only")"), std::string::npos);
    EXPECT_NE(request.find(R"("prompt":"Once")"), std::string::npos);
    ScriptedServer::Send(
        fd, StrCat(kStreamHead, "data: {\"choices\":[{\"text\":\" upon\"}]}\n\n", kStreamEnd));
  });
  EXPECT_EQ(Connect(server)->Complete("", "Once").value().text, " upon");
}

TEST(Client, ATimeOutIsRetriedTwiceAndThenReported) {
  ScriptedServer* self = nullptr;
  ScriptedServer server([&](int, int fd, const std::string&) { self->Hang(fd); });
  self = &server;
  const auto start = Clock::now();
  const auto models = Connect(server)->Models();
  const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  EXPECT_EQ(models.status().code(), StatusCode::kIoError);
  EXPECT_NE(models.status().message().find("within 60 ms"), std::string::npos);
  EXPECT_EQ(server.n_requests(), 3);
  EXPECT_GE(ms, 3 * 60 + 25 + 37) << "three time-outs, two waits";
}

TEST(Client, ALaterAttemptMaySucceed) {
  ScriptedServer* self = nullptr;
  ScriptedServer server([&](int attempt, int fd, const std::string&) {
    if (attempt == 0) return self->Hang(fd);
    if (attempt == 1) return ScriptedServer::SendJson(fd, 504, "{}", "retry-after-ms: 80\r\n");
    ScriptedServer::SendJson(fd, 200, R"({"data":[]})");
  });
  self = &server;
  const auto response = Connect(server)->Call("GET", "/v1/models", "");
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->http_status, 200);
  EXPECT_EQ(response->n_retries, 2);
}

TEST(Client, AnAnswerThatHasBegunIsNeverAskedForAgain) {
  ScriptedServer* self = nullptr;
  ScriptedServer server([&](int, int fd, const std::string&) {
    ScriptedServer::Send(fd, kStreamHead + Delta("Hel"));
    self->Hang(fd);
  });
  self = &server;
  std::string shown;
  const auto result = Connect(server, {.idle_timeout_ms = 50})
                          ->Chat("m", {{"user", "Hi"}}, {}, [&](std::string_view text) {
                            shown += text;
                            return true;
                          });
  EXPECT_EQ(result.status().code(), StatusCode::kIoError);
  EXPECT_EQ(shown, "Hel");
  EXPECT_EQ(server.n_requests(), 1);
}

TEST(Client, ARefusalIsReportedWithItsTimeAndNotRetried) {
  ScriptedServer server([&](int, int fd, const std::string&) {
    ScriptedServer::SendJson(fd, 429, R"({"error":{"message":"the queue is full"}})",
                             "Retry-After: 3\r\n");
  });
  const Status status = Connect(server)->Chat("m", {{"user", "Hi"}}).status();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find("the queue is full"), std::string::npos);
  EXPECT_NE(status.message().find("3000 ms"), std::string::npos);
  EXPECT_EQ(server.n_requests(), 1);
}

TEST(Client, WhereAskedToItComesBackWhenTheServerSays) {
  Clock::time_point refused;
  ScriptedServer server([&](int attempt, int fd, const std::string&) {
    if (attempt > 0) {
      EXPECT_GE(Clock::now() - refused, std::chrono::milliseconds(150));
      return ScriptedServer::SendJson(fd, 200, "{}");
    }
    refused = Clock::now();
    ScriptedServer::SendJson(fd, 429, "{}", "retry-after-ms: 150\r\n");
  });
  EXPECT_EQ(Connect(server, {.retry_refused = true})->Call("GET", "/", "").value().http_status,
            200);
}

TEST(Client, AStreamCutShortIsNotTakenForAnAnswer) {
  ScriptedServer server([&](int, int fd, const std::string&) {
    ScriptedServer::Send(fd, kStreamHead + Delta("Hel"));
  });
  EXPECT_EQ(Connect(server)->Chat("m", {{"user", "Hi"}}).status().code(), StatusCode::kDataLoss);
}

TEST(Client, AnErrorInTheStreamIsTheCallsError) {
  ScriptedServer server([&](int, int fd, const std::string&) {
    ScriptedServer::Send(fd, StrCat(kStreamHead, "data: {\"error\":{\"message\":\"out\"}}\n\n"));
  });
  const Status status = Connect(server)->Chat("m", {{"user", "Hi"}}).status();
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_NE(status.message().find("out"), std::string::npos);
}

TEST(Client, TheCallbackEndsTheAnswer) {
  ScriptedServer* self = nullptr;
  ScriptedServer server([&](int, int fd, const std::string&) {
    ScriptedServer::Send(fd, kStreamHead + Delta("Hel"));
    self->Hang(fd);
  });
  self = &server;
  const auto result =
      Connect(server)->Chat("m", {{"user", "Hi"}}, {}, [](std::string_view) { return false; });
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->stop_reason, StopReason::kCancelled);
  EXPECT_EQ(result->text, "Hel");
}

TEST(Client, CancelEndsACallFromAnotherThread) {
  ScriptedServer* self = nullptr;
  ScriptedServer server([&](int, int fd, const std::string&) { self->Hang(fd); });
  self = &server;
  const auto client = Connect(server, {.response_timeout_ms = 20000});
  std::thread other([&] {
    while (server.n_requests() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    client->Cancel();
  });
  EXPECT_EQ(client->Models().status().code(), StatusCode::kCancelled);
  other.join();
}

TEST(Client, NobodyThereIsAnErrorAtOnce) {
  const auto client = Client::Create({.server = "unix:/nonexistent/socket"}).value();
  const Status status = client->Models().status();
  EXPECT_EQ(status.code(), StatusCode::kIoError);
  EXPECT_NE(status.message().find("/nonexistent/socket"), std::string::npos);
}

TEST(Endpoint, IsReadFromWhatPeopleWrite) {
  const auto parse = [](std::string_view text) { return Endpoint::Parse(text); };
  EXPECT_EQ(parse("http://127.0.0.1:8080")->HostField(), "127.0.0.1:8080");
  EXPECT_EQ(parse("http://localhost/")->HostField(), "localhost:80");
  EXPECT_EQ(parse("[::1]:9")->HostField(), "[::1]:9");
  EXPECT_EQ(parse("unix:/run/a.sock")->unix_path, "/run/a.sock");
  EXPECT_EQ(parse("unix:///run/a.sock")->unix_path, "/run/a.sock");
  EXPECT_EQ(parse("https://example.org").status().code(), StatusCode::kUnimplemented);
  for (const char* bad : {"", "http://", "http://a:b", "http://a:", "a b:1", "http://x@y:1",
                          "http://a/path:1", "unix:", "http://a:123456"}) {
    EXPECT_EQ(parse(bad).status().code(), StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_FALSE(parse("unix:" + std::string(200, 'x')).ok());
}

TEST(Client, OptionsThatCannotBeAreRefused) {
  EXPECT_FALSE(Client::Create({.response_timeout_ms = 0}).ok());
  EXPECT_FALSE(Client::Create({.max_retries = -1}).ok());
  EXPECT_FALSE(Client::Create({.api_key = "a\r\nHost: b"}).ok());
  const auto client = Client::Create({.server = "unix:/nonexistent"}).value();
  EXPECT_EQ(client->Call("GET", "/a b", "").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(client->Call("PUT", "/", "").status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace autoglm

#include "net/http_server.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/str.h"
#include "net/raw_client_for_test.h"

namespace autoglm {
namespace {

/// An answer that a test controls: pieces are given one by one.
struct Slow {
  std::mutex mutex;
  std::vector<std::string> pieces;
  bool end = false;
  Waker waker;
  std::atomic<bool> destroyed = false;
  std::atomic<int> n_polls = 0;

  void Give(std::string piece, bool last = false) {
    {
      std::lock_guard lock(mutex);
      pieces.push_back(std::move(piece));
      end = last;
    }
    waker();
  }
};

class SlowAnswer final : public Answer {
 public:
  explicit SlowAnswer(std::shared_ptr<Slow> slow) : slow_(std::move(slow)) {}
  ~SlowAnswer() override { slow_->destroyed = true; }
  Progress Poll(HttpResponse* response) override {
    ++slow_->n_polls;
    std::lock_guard lock(slow_->mutex);
    if (slow_->pieces.empty() && !slow_->end) return Progress::kWait;
    for (const std::string& piece : slow_->pieces) response->body += piece;
    slow_->pieces.clear();
    response->headers.push_back({"X-Kind", "slow"});
    return slow_->end ? Progress::kEnd : Progress::kPiece;
  }

 private:
  std::shared_ptr<Slow> slow_;
};

class TestHandler final : public HttpHandler {
 public:
  std::unique_ptr<Answer> Handle(HttpRequest request, Waker waker) override {
    if (request.path == "/slow") {
      slow->waker = std::move(waker);
      ready = true;
      return std::make_unique<SlowAnswer>(slow);
    }
    if (request.path == "/throw") throw std::bad_alloc();
    return Respond({.status = 200,
                    .headers = {{"X-Uid", request.peer.uid ? StrCat(*request.peer.uid) : "none"}},
                    .body = request.method + " " + request.path + " " + request.body});
  }
  HttpResponse Refuse(int status, std::string_view why) override {
    return {.status = status, .headers = {}, .body = std::string(why)};
  }

  std::shared_ptr<Slow> slow = std::make_shared<Slow>();
  std::atomic<bool> ready = false;
};

struct Fixture {
  explicit Fixture(HttpServerOptions options = {}) {
    options.port = 0;
    auto started = HttpServer::Start(options, handler);
    EXPECT_TRUE(started.ok()) << started.status().ToString();
    server = std::move(*started);
  }
  uint16_t port() const { return server->port(); }

  TestHandler handler;
  std::unique_ptr<HttpServer> server;
};

/// Waits at most five seconds for `condition`.
template <typename F>
bool Eventually(F&& condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return condition();
}

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(HttpServerTest, AnswersRequestsOfOneConnectionInOrder) {
  Fixture f;
  RawClient client(f.port());
  ASSERT_TRUE(client.Send(std::string(kGet) +
                          "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"));
  const std::string first = client.ReadResponse();
  EXPECT_TRUE(first.starts_with("HTTP/1.1 200 OK\r\n")) << first;
  EXPECT_TRUE(first.ends_with("\r\n\r\nGET /a ")) << first;
  EXPECT_TRUE(client.ReadResponse().ends_with("POST /b hi"));
}

TEST(HttpServerTest, StreamsPiecesAsTheyCome) {
  Fixture f;
  RawClient client(f.port());
  client.Send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return f.handler.ready.load(); }));
  f.handler.slow->Give("one");
  EXPECT_NE(client.ReadUntil("3\r\none\r\n").find("Transfer-Encoding: chunked"), std::string::npos);
  f.handler.slow->Give("two", /*last=*/true);
  EXPECT_EQ(client.ReadUntil("0\r\n\r\n"), "3\r\ntwo\r\n0\r\n\r\n");
  client.Send(kGet);
  EXPECT_TRUE(client.ReadResponse().ends_with("GET /a "));
}

TEST(HttpServerTest, GivesOldClientsAStreamWithoutChunks) {
  Fixture f;
  RawClient client(f.port());
  client.Send("GET /slow HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return f.handler.ready.load(); }));
  f.handler.slow->Give("one");
  EXPECT_TRUE(client.ReadUntil("one").ends_with("Connection: close\r\n\r\none"));
  f.handler.slow->Give("two", /*last=*/true);
  EXPECT_EQ(client.ReadAll(), "two");
}

TEST(HttpServerTest, NoticesAClientThatHangsUp) {
  for (const bool with_more_input : {false, true}) {
    Fixture f;
    RawClient client(f.port());
    client.Send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n" +
                std::string(with_more_input ? kGet : std::string_view()));
    ASSERT_TRUE(Eventually([&] { return f.handler.ready.load(); }));
    EXPECT_FALSE(f.handler.slow->destroyed);
    client.Close();
    EXPECT_TRUE(Eventually([&] { return f.handler.slow->destroyed.load(); })) << with_more_input;
  }
}

TEST(HttpServerTest, DoesNotAskForMoreThanTheClientReads) {
  Fixture f({.write_timeout_ms = 300});
  RawClient client(f.port());
  client.Send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return f.handler.ready.load(); }));
  // Nobody reads: once the sockets are full the answer is left alone, and given up after a while.
  const std::string piece(64 << 10, 'x');
  bool stuck = false;
  for (int n_given = 0; n_given < 1000 && !stuck; ++n_given) {
    const int n_polls = f.handler.slow->n_polls;
    f.handler.slow->Give(piece);
    stuck = true;
    for (int i = 0; i < 40 && stuck; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1 + i / 10));
      stuck = f.handler.slow->n_polls == n_polls;
    }
  }
  EXPECT_TRUE(stuck);
  EXPECT_TRUE(Eventually([&] { return f.handler.slow->destroyed.load(); }));
}

TEST(HttpServerTest, RefusesTooLargeABodyAndStaysAlive) {
  Fixture f({.limits = {.max_body_bytes = 1000}});
  RawClient client(f.port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 104857600\r\n\r\n");
  client.Send(std::string(1 << 20, 'x'));  // and sends some of it all the same
  EXPECT_TRUE(client.ReadResponse().starts_with("HTTP/1.1 413 "));
  RawClient next(f.port());
  next.Send(kGet);
  EXPECT_TRUE(next.ReadResponse().starts_with("HTTP/1.1 200 "));
}

TEST(HttpServerTest, BoundsTheSumOfAllBodies) {
  Fixture f({.max_total_body_bytes = 3000});
  RawClient first(f.port()), second(f.port());
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2001\r\n\r\n";
  first.Send(head + std::string(2000, 'x'));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  second.Send(head + std::string(2000, 'x'));
  EXPECT_TRUE(second.ReadResponse().starts_with("HTTP/1.1 503 "));
  first.Send("x");
  EXPECT_TRUE(first.ReadResponse().starts_with("HTTP/1.1 200 "));
}

TEST(HttpServerTest, ClosesOnThoseWhoTakeTheirTime) {
  Fixture f({.header_timeout_ms = 100, .body_timeout_ms = 100, .idle_timeout_ms = 100});
  RawClient silent(f.port()), slow_header(f.port()), slow_body(f.port()), idle(f.port());
  slow_header.Send("GET / HT");
  slow_body.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  idle.Send(kGet);
  EXPECT_TRUE(idle.ReadResponse().starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(silent.ReadAll(), "");
  EXPECT_TRUE(slow_header.ReadAll().starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(slow_body.ReadAll().starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(idle.ReadAll(), "");
  EXPECT_TRUE(Eventually([&] { return f.server->n_connections() == 0; }));
}

TEST(HttpServerTest, RefusesMoreConnectionsThanItMayHave) {
  Fixture f({.max_connections = 2});
  RawClient first(f.port()), second(f.port());
  first.Send(kGet);
  second.Send(kGet);
  EXPECT_TRUE(first.ReadResponse().starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(second.ReadResponse().starts_with("HTTP/1.1 200 "));
  RawClient third(f.port());
  third.Send(kGet);
  EXPECT_TRUE(third.ReadResponse().starts_with("HTTP/1.1 503 "));
}

TEST(HttpServerTest, SendsContinueOnlyToThoseWhoWaitForIt) {
  Fixture f;
  RawClient client(f.port());
  client.Send("POST /c HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("hi");
  EXPECT_TRUE(client.ReadResponse().ends_with("POST /c hi"));
}

TEST(HttpServerTest, TellsWhoIsAtTheOtherEndOfAUnixSocket) {
  const std::string path = testing::TempDir() + "/autoglm_http_test.sock";
  Fixture f({.unix_path = path});
  struct stat status = {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  RawClient client(path);
  client.Send(kGet);
  EXPECT_NE(client.ReadResponse().find(StrCat("X-Uid: ", getuid(), "\r\n")), std::string::npos);
  // A second server does not take over what the first one serves.
  TestHandler handler;
  EXPECT_EQ(HttpServer::Start({.host = "", .unix_path = path}, handler).status().code(),
            StatusCode::kFailedPrecondition);
  f.server->Stop(0);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(HttpServerTest, SaysWhyItCannotListen) {
  Fixture f;
  TestHandler handler;
  EXPECT_EQ(HttpServer::Start({.port = f.port()}, handler).status().code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(HttpServer::Start({.host = "nowhere", .port = 0}, handler).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_FALSE(
      HttpServer::Start({.port = 0, .tls_certificate_file = "/nonexistent"}, handler).ok());
}

TEST(HttpServerTest, StopLetsAnswersUnderWayEnd) {
  Fixture f;
  RawClient client(f.port()), idle(f.port());
  idle.Send(kGet);
  EXPECT_TRUE(idle.ReadResponse().starts_with("HTTP/1.1 200 "));
  client.Send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return f.handler.ready.load(); }));
  std::thread stopper([&] { f.server->Stop(10'000); });
  EXPECT_EQ(idle.ReadAll(), "");
  f.handler.slow->Give("the end", /*last=*/true);
  EXPECT_TRUE(client.ReadAll().ends_with("the end"));
  stopper.join();
}

TEST(HttpServerTest, StopEndsWhatDoesNotEndByItself) {
  Fixture f;
  RawClient client(f.port());
  client.Send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return f.handler.ready.load(); }));
  f.server->Stop(50);
  EXPECT_TRUE(f.handler.slow->destroyed);
  f.handler.slow->Give("too late");  // must be harmless
  EXPECT_EQ(client.ReadAll(), "");
}

TEST(HttpServerTest, AHandlerThatThrowsCostsOnlyItsConnection) {
  Fixture f;
  RawClient client(f.port());
  client.Send("GET /throw HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(client.ReadAll().starts_with("HTTP/1.1 500 "));
  for (int i = 0; i < 4; ++i) {
    RawClient next(f.port());
    next.Send(kGet);
    EXPECT_TRUE(next.ReadResponse().starts_with("HTTP/1.1 200 "));
  }
}

TEST(IsLoopbackTest, KnowsTheLoopback) {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"}) {
    EXPECT_TRUE(IsLoopback(host)) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "192.168.0.1", "example", ""}) {
    EXPECT_FALSE(IsLoopback(host)) << host;
  }
}

}  // namespace
}  // namespace autoglm

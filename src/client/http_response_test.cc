#include "client/http_response.h"

#include <gtest/gtest.h>

namespace autoglm {
namespace {

struct Parsed {
  HttpResponseParser parser;
  std::string body;
  Status status;

  /// In pieces of `n` bytes.
  explicit Parsed(std::string_view bytes, size_t n = 1 << 20, bool ends = false) {
    for (size_t i = 0; i < bytes.size() && status.ok(); i += n) {
      status = parser.Feed(bytes.substr(i, n), [this](std::string_view piece) { body += piece; });
    }
    if (ends && status.ok()) status = parser.FeedEnd();
  }
};

constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A:  b \r\n\r\n"
    "5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: x\r\n\r\n";

TEST(HttpResponse, ABodyByItsLength) {
  const Parsed parsed("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello and more");
  ASSERT_TRUE(parsed.status.ok()) << parsed.status.ToString();
  EXPECT_TRUE(parsed.parser.done());
  EXPECT_EQ(parsed.parser.status(), 404);
  EXPECT_EQ(parsed.body, "hello");
}

TEST(HttpResponse, AChunkedBodyHoweverItIsCut) {
  for (size_t n = 1; n <= kChunked.size(); ++n) {
    const Parsed parsed(kChunked, n);
    ASSERT_TRUE(parsed.status.ok()) << n << ": " << parsed.status.ToString();
    EXPECT_TRUE(parsed.parser.done()) << n;
    EXPECT_EQ(parsed.body, "hello world") << n;
    EXPECT_EQ(parsed.parser.Field("x-a"), "b");
  }
}

TEST(HttpResponse, ABodyUpToTheEndOfTheConnection) {
  const Parsed parsed("HTTP/1.0 200 OK\r\n\r\nall of it", 3, /*ends=*/true);
  ASSERT_TRUE(parsed.status.ok());
  EXPECT_TRUE(parsed.parser.done());
  EXPECT_EQ(parsed.body, "all of it");
}

TEST(HttpResponse, AnInterimAnswerIsPassedOver) {
  const Parsed parsed("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(parsed.parser.done());
  EXPECT_EQ(parsed.parser.status(), 204);
}

TEST(HttpResponse, AConnectionThatEndsEarlyIsNoticed) {
  for (size_t n = 0; n < kChunked.size(); ++n) {
    const Parsed parsed(kChunked.substr(0, n), 1 << 20, /*ends=*/true);
    EXPECT_EQ(parsed.status.code(), StatusCode::kDataLoss) << n;
  }
}

TEST(HttpResponse, WhatIsNotHttpIsRefused) {
  for (std::string_view bytes :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 20\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nName : x\r\n\r\n", "HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n"}) {
    const Parsed parsed(bytes);
    EXPECT_EQ(parsed.status.code(), StatusCode::kDataLoss) << bytes;
    EXPECT_FALSE(parsed.parser.done()) << bytes;
  }
}

TEST(HttpResponse, WhatHasNoEndIsRefused) {
  const std::string endless(1 << 20, 'x');
  EXPECT_FALSE(Parsed("HTTP/1.1 200 OK\r\nA: " + endless).status.ok());
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_FALSE(Parsed(chunked + "1;" + endless).status.ok());
  std::string trailer = chunked + "0\r\n";
  for (int i = 0; i < 100000; ++i) trailer += "a: b\r\n";
  EXPECT_FALSE(Parsed(trailer).status.ok());
}

}  // namespace
}  // namespace autoglm

#include "net/http_parser.h"

#include <gtest/gtest.h>

#include <string>

namespace autoglm {
namespace {

using State = HttpParser::State;

constexpr std::string_view kPost =
    "POST /v1/chat%20x?a=1 HTTP/1.1\r\nHost: here\r\nX-Thing:  some value \r\n"
    "Content-Length: 5\r\n\r\nhello";

/// What is left over of `text`, fed in pieces of at most `n` bytes as a connection does.
std::string FeedInPieces(HttpParser* parser, std::string_view text, size_t n) {
  std::string held;
  for (size_t i = 0; i < text.size(); i += n) {
    held += text.substr(i, n);
    held.erase(0, parser->Feed(held));
  }
  return held;
}

TEST(HttpParserTest, ReadsTheSameRequestHoweverItIsCut) {
  for (size_t n = 1; n <= kPost.size(); ++n) {
    HttpParser parser({});
    EXPECT_EQ(FeedInPieces(&parser, kPost, n), "") << n;
    ASSERT_EQ(parser.state(), State::kDone) << n;
    EXPECT_TRUE(parser.keep_alive());
    const HttpRequest request = parser.Take();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/v1/chat x");
    EXPECT_EQ(request.query, "a=1");
    EXPECT_EQ(request.body, "hello");
    ASSERT_NE(request.FindHeader("x-thing"), nullptr);
    EXPECT_EQ(*request.FindHeader("x-thing"), "some value");
  }
}

TEST(HttpParserTest, LeavesTheNextRequestAlone) {
  HttpParser parser({});
  EXPECT_EQ(FeedInPieces(&parser, std::string(kPost) + "GET / HT", 1000), "GET / HT");
  EXPECT_EQ(parser.state(), State::kDone);
}

TEST(HttpParserTest, ReadsABodyInChunks) {
  HttpParser parser({});
  FeedInPieces(&parser,
               "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
               "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
               3);
  ASSERT_EQ(parser.state(), State::kDone) << parser.error();
  EXPECT_EQ(parser.Take().body, "abcde");
}

TEST(HttpParserTest, ReadsChunksHoweverTheyAreCut) {
  const std::string text =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;x=\"y\"\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\nGET";
  for (const size_t n : {1, 2, 3, 5, 200}) {
    for (size_t cut = 0; cut < text.size(); ++cut) {
      HttpParser parser({});
      std::string held(text.substr(0, cut));
      held.erase(0, parser.Feed(held));
      EXPECT_EQ(FeedInPieces(&parser, held + text.substr(cut), n), "GET") << n;
      ASSERT_EQ(parser.state(), State::kDone) << parser.error();
      EXPECT_EQ(parser.Take().body, "abc0123456789");
    }
  }
}

TEST(HttpParserTest, RefusesChunksThatAreNone) {
  for (const char* chunks : {"x\r\n", "\r\n", "-1\r\n", "3\nabc\r\n", "3\r\nabcd\r\n",
                             "3x\r\nabc\r\n", "11111111111111111\r\n", "1\r\na0\r\n", "0\n\r\n"}) {
    HttpParser parser({});
    FeedInPieces(
        &parser,
        std::string("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n") + chunks,
        1);
    EXPECT_EQ(parser.state(), State::kFailed) << chunks;
    EXPECT_EQ(parser.error_status(), 400) << chunks;
  }
}

TEST(HttpParserTest, RefusesAnAnnouncedBodyBeforeItComes) {
  HttpParser parser({.max_body_bytes = 100});
  parser.Feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n");
  EXPECT_EQ(parser.state(), State::kFailed);
  EXPECT_EQ(parser.error_status(), 413);
}

TEST(HttpParserTest, RefusesChunksBeyondTheLimit) {
  HttpParser parser({.max_body_bytes = 4});
  parser.Feed("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n");
  EXPECT_EQ(parser.state(), State::kFailed);
  EXPECT_EQ(parser.error_status(), 413);
}

TEST(HttpParserTest, RefusesAHeaderThatDoesNotEnd) {
  HttpParser parser({.max_header_bytes = 1000});
  EXPECT_LT(FeedInPieces(&parser, "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(5000, 'x'), 100)
                .size(),
            6000u);
  EXPECT_EQ(parser.state(), State::kFailed);
  EXPECT_EQ(parser.error_status(), 431);
}

TEST(HttpParserTest, RefusesWhatIsNoRequest) {
  struct Case {
    const char* text;
    int status;
  };
  for (const Case& c : {
           Case{"\x16\x03\x01\x02", 400},  // the beginning of TLS
           Case{"hello\r\n\r\n", 400},
           Case{"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
           Case{"GET / HTTP/1.1\r\n\r\n", 400},
           Case{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
           Case{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
           Case{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
                400},
           Case{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n"
                "\r\n",
                400},
           Case{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
           Case{"POST / HTTP/1.1\r\nHost: h\r\nExpect: magic\r\nContent-Length: 1\r\n\r\n", 417},
           Case{"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},
       }) {
    HttpParser parser({});
    parser.Feed(c.text);
    EXPECT_EQ(parser.state(), State::kFailed) << c.text;
    EXPECT_EQ(parser.error_status(), c.status) << c.text << ": " << parser.error();
    EXPECT_NE(parser.error(), "") << c.text;
  }
}

TEST(HttpParserTest, TellsWhatTheClientExpects) {
  HttpParser parser({});
  parser.Feed("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n");
  EXPECT_EQ(parser.state(), State::kBody);
  EXPECT_TRUE(parser.expects_continue());
  EXPECT_EQ(parser.content_length(), 1u);
}

TEST(PercentDecodeTest, DecodesAndLeavesWhatIsNoCode) {
  EXPECT_EQ(PercentDecode("a%2Fb%20c"), "a/b c");
  EXPECT_EQ(PercentDecode("%"), "%");
  EXPECT_EQ(PercentDecode("%4"), "%4");
  EXPECT_EQ(PercentDecode("%4g%zz"), "%4g%zz");
  EXPECT_EQ(PercentDecode("%41"), "A");
}

}  // namespace
}  // namespace autoglm

#include "client/sse_parser.h"

#include <gtest/gtest.h>

#include <vector>

namespace autoglm {
namespace {

std::vector<std::string> Events(std::string_view bytes, size_t n) {
  SseParser parser;
  std::vector<std::string> events;
  for (size_t i = 0; i < bytes.size(); i += n) {
    EXPECT_TRUE(parser
                    .Feed(bytes.substr(i, n),
                          [&](std::string_view data) {
                            events.emplace_back(data);
                            return true;
                          })
                    .ok());
  }
  return events;
}

TEST(SseParser, GivesEachEventsDataHoweverItIsCut) {
  constexpr std::string_view kStream =
      ": a comment\n\ndata: one\n\ndata:two\r\ndata: lines\r\n\r\nevent: x\rid: 3\rdata\r\r"
      "retry: 5\n\ndata: last\n\ndata: unfinished\n";
  const std::vector<std::string> expected = {"one", "two\nlines", "", "last"};
  for (size_t n = 1; n < 40; ++n) EXPECT_EQ(Events(kStream, n), expected) << n;
}

TEST(SseParser, TheReaderMayEndIt) {
  SseParser parser;
  int n = 0;
  const Status status = parser.Feed("data: 1\n\ndata: 2\n\n", [&](std::string_view) {
    ++n;
    return false;
  });
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  EXPECT_EQ(n, 1);
}

TEST(SseParser, AnEventWithoutEndIsRefused) {
  SseParser parser;
  const std::string line(1 << 20, 'x');
  Status status;
  for (int i = 0; i < 20 && status.ok(); ++i) {
    status = parser.Feed(line, [](std::string_view) { return true; });
  }
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace autoglm

#include "client/retry_policy.h"

#include <gtest/gtest.h>

namespace autoglm {
namespace {

constexpr AttemptOutcome kTimedOut = {.timed_out = true};

AttemptOutcome Answered(int http_status, int64_t retry_after_ms = -1) {
  return {false, false, http_status, retry_after_ms};
}

TEST(RetryPolicy, RetriesATimeOutTwiceWithGrowingJitteredWaits) {
  double least[2] = {1e9, 1e9}, most[2] = {0, 0};
  for (uint64_t seed = 0; seed < 500; ++seed) {
    RetryPolicy policy({}, seed);
    for (int i = 0; i < 2; ++i) {
      const auto wait_ms = policy.NextWaitMs(kTimedOut);
      ASSERT_TRUE(wait_ms);
      least[i] = std::min(least[i], *wait_ms);
      most[i] = std::max(most[i], *wait_ms);
    }
    EXPECT_FALSE(policy.NextWaitMs(kTimedOut)) << "at most two";
  }
  EXPECT_NEAR(least[0], 25, 1);
  EXPECT_NEAR(most[0], 75, 1);
  EXPECT_NEAR(least[1], 37.5, 1);
  EXPECT_NEAR(most[1], 112.5, 1);
}

TEST(RetryPolicy, OnlyTimeOutsCount) {
  for (int http_status : {200, 400, 401, 404, 413, 429, 500, 502, 503}) {
    EXPECT_FALSE(RetryPolicy({}, 1).NextWaitMs(Answered(http_status))) << http_status;
  }
  EXPECT_FALSE(RetryPolicy({}, 1).NextWaitMs({})) << "a connection refused";
  for (int http_status : {408, 504}) {
    EXPECT_TRUE(RetryPolicy({}, 1).NextWaitMs(Answered(http_status))) << http_status;
  }
}

TEST(RetryPolicy, NeverAfterAPieceOfTheAnswerHasCome) {
  EXPECT_FALSE(RetryPolicy({}, 1).NextWaitMs({.timed_out = true, .began = true}));
}

TEST(RetryPolicy, WaitsAtLeastAsLongAsTheServerSays) {
  EXPECT_EQ(RetryPolicy({}, 1).NextWaitMs(Answered(504, 3000)), 3000);
  EXPECT_FALSE(RetryPolicy({}, 1).NextWaitMs(Answered(504, 60000))) << "too long to wait for";
}

TEST(RetryPolicy, RefusalsAreRetriedOnlyWhereAskedForAndInvited) {
  const RetryOptions options = {.retry_refused = true};
  EXPECT_EQ(RetryPolicy(options, 1).NextWaitMs(Answered(429, 2000)), 2000);
  EXPECT_EQ(RetryPolicy(options, 1).NextWaitMs(Answered(503, 2000)), 2000);
  EXPECT_FALSE(RetryPolicy(options, 1).NextWaitMs(Answered(429)));
  EXPECT_FALSE(RetryPolicy({}, 1).NextWaitMs(Answered(429, 2000)));
}

TEST(RetryAfter, IsReadInSecondsOrMilliseconds) {
  EXPECT_EQ(ParseRetryAfterMs("2", std::nullopt), 2000);
  EXPECT_EQ(ParseRetryAfterMs("2", "1500"), 1500);
  EXPECT_EQ(ParseRetryAfterMs(std::nullopt, std::nullopt), -1);
  EXPECT_EQ(ParseRetryAfterMs("Wed, 21 Oct 2026 07:28:00 GMT", std::nullopt), -1);
  EXPECT_EQ(ParseRetryAfterMs("-5", std::nullopt), -1);
  EXPECT_EQ(ParseRetryAfterMs("99999999999999999999", std::nullopt), -1);
}

}  // namespace
}  // namespace autoglm

#include "qos/token_bucket.h"

#include <gtest/gtest.h>

namespace autoglm {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;

TEST(TokenBucket, LetsABurstThroughAndThenTheRate) {
  TokenBucket bucket;  // 1000 a second, burst 200: SPEC S2.3
  int n_passed = 0;
  while (bucket.TryTake(1, 0)) ++n_passed;
  EXPECT_EQ(n_passed, 200);
  for (int64_t now_ns = 0; now_ns < 10 * kNsPerSecond; now_ns += 100'000) {
    n_passed += bucket.TryTake(1, now_ns);
  }
  EXPECT_NEAR(n_passed, 200 + 10 * 1000, 1);
}

TEST(TokenBucket, TellsWhenToComeBack) {
  TokenBucket bucket({.rate_per_s = 2, .burst = 1});
  ASSERT_TRUE(bucket.TryTake(1, 0));
  EXPECT_EQ(bucket.WaitNs(1, 0), kNsPerSecond / 2);
  EXPECT_FALSE(bucket.TryTake(1, kNsPerSecond / 2 - 1));
  EXPECT_EQ(bucket.WaitNs(1, kNsPerSecond / 2), 0);
  EXPECT_TRUE(bucket.TryTake(1, kNsPerSecond / 2));
  EXPECT_EQ(bucket.WaitNs(2, 0), -1) << "more than the bucket holds";
}

TEST(TokenBucket, IdleTimeFillsItNoFurtherThanTheBurst) {
  TokenBucket bucket({.rate_per_s = 10, .burst = 3});
  EXPECT_DOUBLE_EQ(bucket.Level(1000 * kNsPerSecond), 3);
  EXPECT_TRUE(bucket.TryTake(3, 1000 * kNsPerSecond));
  EXPECT_FALSE(bucket.TryTake(1, 1000 * kNsPerSecond));
}

}  // namespace
}  // namespace autoglm

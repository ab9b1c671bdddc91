#include "qos/adaptive_limiter.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

namespace autoglm {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kNsPerMs = 1'000'000;

TEST(AdaptiveLimiter, WithoutDelaysTheThresholdIsTheBaseline) {
  AdaptiveLimiter limiter({.baseline = 600}, 0);
  int n_admitted = 0;
  for (int64_t now_ns = 0; now_ns < 120 * kNsPerSecond; now_ns += 10 * kNsPerMs) {
    if (!limiter.TryAdmit(now_ns)) continue;
    ++n_admitted;
    limiter.ObserveDelay(1 * kNsPerMs, 100 * kNsPerMs, now_ns);
  }
  EXPECT_NEAR(n_admitted, 1200, 15) << "600 in a minute";
  EXPECT_EQ(limiter.adjustment(), 1);
  EXPECT_LE(limiter.n_in_window(), 611);
}

TEST(AdaptiveLimiter, TheWindowForgetsAfterAMinute) {
  AdaptiveLimiter limiter({.baseline = 600}, 0);
  EXPECT_TRUE(limiter.TryAdmit(0));
  EXPECT_TRUE(limiter.TryAdmit(30 * kNsPerSecond));
  EXPECT_EQ(limiter.n_in_window(), 2);
  limiter.RetryAfterNs(60 * kNsPerSecond);
  EXPECT_EQ(limiter.n_in_window(), 1);
  limiter.RetryAfterNs(1000 * kNsPerSecond);
  EXPECT_EQ(limiter.n_in_window(), 0);
}

TEST(AdaptiveLimiter, DelayAboveTheTargetCutsToWhatIsServed) {
  AdaptiveLimiter limiter({}, 0);  // a baseline of 60000
  for (int64_t now_ns = 0; now_ns < kNsPerSecond; now_ns += 20 * kNsPerMs) {
    ASSERT_TRUE(limiter.TryAdmit(now_ns));
    const bool done = now_ns % (40 * kNsPerMs) == 0;  // 25 of 50 in a second
    if (done) limiter.ObserveDelay(200 * kNsPerMs, 100 * kNsPerMs, now_ns);
  }
  limiter.RetryAfterNs(kNsPerSecond);
  EXPECT_NEAR(limiter.threshold(), 25 * 60 * 0.9, 1) << "twice the target";
}

TEST(AdaptiveLimiter, WithoutDelayTheThresholdGrowsBack) {
  AdaptiveLimiter limiter({.baseline = 600, .growth = 1.5}, 0);
  ASSERT_TRUE(limiter.TryAdmit(0));
  limiter.ObserveDelay(500 * kNsPerMs, 100 * kNsPerMs, 0);
  limiter.RetryAfterNs(kNsPerSecond);
  const double cut = limiter.threshold();
  EXPECT_NEAR(cut, 60 * 0.6, 1e-6) << "one was served in a second";
  limiter.RetryAfterNs(2 * kNsPerSecond);
  EXPECT_NEAR(limiter.threshold(), cut * 1.5, 1e-6);
  limiter.RetryAfterNs(60 * kNsPerSecond);
  EXPECT_EQ(limiter.threshold(), 600);
}

TEST(AdaptiveLimiter, ARefusalTellsATimeAfterWhichItAdmits) {
  AdaptiveLimiter limiter({.baseline = 60, .burst_s = 3}, 0);
  int64_t now_ns = 0;
  for (int i = 0; i < 200; ++i) {
    if (limiter.TryAdmit(now_ns)) continue;
    const int64_t wait_ns = limiter.RetryAfterNs(now_ns);
    ASSERT_GT(wait_ns, 0);
    now_ns += wait_ns;
    EXPECT_TRUE(limiter.TryAdmit(now_ns)) << "at " << now_ns;
  }
}

/// `n_parallel` servers that do 20 requests a second together, offered five times as many, with a
/// queue that refuses above `max_queue`; what was done within [from_ns, end_ns).
struct Overload {
  int64_t n_done = 0;
  int64_t longest_ns = 0;

  Overload(int n_parallel, size_t max_queue, int64_t from_ns, int64_t end_ns) {
    AdaptiveLimiter limiter({}, 0);
    std::deque<int64_t> queue;
    std::vector<int64_t> free_ns(static_cast<size_t>(n_parallel), 0);
    for (int64_t now_ns = 0; now_ns < end_ns; now_ns += 10 * kNsPerMs) {
      if (limiter.TryAdmit(now_ns) && queue.size() < max_queue) queue.push_back(now_ns);
      for (int64_t& server_ns : free_ns) {
        if (queue.empty() || server_ns > now_ns) continue;
        const int64_t delay_ns = now_ns - queue.front();
        queue.pop_front();
        limiter.ObserveDelay(delay_ns, 500 * kNsPerMs, now_ns);
        server_ns = now_ns + n_parallel * 50 * kNsPerMs;
        if (now_ns < from_ns) continue;
        ++n_done;
        longest_ns = std::max(longest_ns, delay_ns);
      }
    }
  }
};

TEST(AdaptiveLimiter, UnderOverloadTheServerIsBusyFromTheStart) {
  for (int n_parallel : {1, 8}) {
    const Overload overload(n_parallel, 200, 0, 30 * kNsPerSecond);
    EXPECT_GE(overload.n_done, 0.9 * 30 * 20) << n_parallel;
  }
}

TEST(AdaptiveLimiter, UnderOverloadTheQueueComesBackToItsTargetAndStaysThere) {
  for (int n_parallel : {1, 8}) {
    const Overload overload(n_parallel, 200, 60 * kNsPerSecond, 240 * kNsPerSecond);
    EXPECT_GE(overload.n_done, 0.9 * 180 * 20) << n_parallel;
    EXPECT_LE(overload.longest_ns, 2 * kNsPerSecond) << n_parallel << ": four times the target";
  }
}

}  // namespace
}  // namespace autoglm

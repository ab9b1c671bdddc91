#include "platform/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include "platform/affinity.h"

namespace autoglm {
namespace {

using std::chrono::milliseconds;

TEST(ThreadPoolTest, EveryTileRunsExactlyOnce) {
  for (int n_threads : {1, 2, 5}) {
    ThreadPool pool(n_threads);
    for (int n_tiles : {0, 1, 2, 3, 64, 1000}) {
      std::vector<int> counts(n_tiles, 0);  // plain ints: a tile run twice at once is a data race
      pool.ParallelFor(n_tiles, [&](int64_t tile, int) { ++counts[tile]; });
      EXPECT_EQ(counts, std::vector<int>(n_tiles, 1)) << n_threads << " threads";
    }
  }
}

TEST(ThreadPoolTest, ThreadNumbersAreInRangeAndNeverSharedAtOneTime) {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> users(pool.n_threads());
  std::atomic<bool> shared = false;
  for (int round = 0; round < 200; ++round) {
    pool.ParallelFor(16, [&](int64_t, int thread) {
      ASSERT_GE(thread, 0);
      ASSERT_LT(thread, pool.n_threads());
      if (users[thread].fetch_add(1) != 0) shared = true;
      users[thread].fetch_sub(1);
    });
  }
  EXPECT_FALSE(shared);
}

TEST(ThreadPoolTest, WhatTilesWroteIsSeenByTheNextJob) {
  ThreadPool pool(3);
  std::vector<int64_t> values(97, 0);
  for (int round = 0; round < 5000; ++round) {
    pool.ParallelFor(97, [&](int64_t tile, int) { values[96 - tile] += round; });
  }
  EXPECT_EQ(std::accumulate(values.begin(), values.end(), int64_t{0}),
            int64_t{97} * 4999 * 5000 / 2);
}

TEST(ThreadPoolTest, ASleepingTileCostsItsOwnShareOnly) {
  ThreadPool pool(2);
  std::vector<int> thread_of(100, -1);
  pool.ParallelFor(100, [&](int64_t tile, int thread) {
    thread_of[tile] = thread;
    if (tile == 0) std::this_thread::sleep_for(milliseconds(300));
    if (tile != 0) std::this_thread::sleep_for(milliseconds(1));
  });
  // While tile 0 slept, the other thread did (nearly) everything else; with a fixed split half of
  // the tiles would have waited for the sleeper.
  int by_sleeper = 0;
  for (int thread : thread_of) by_sleeper += thread == thread_of[0];
  EXPECT_LT(by_sleeper, 30);
}

TEST(ThreadPoolTest, AJobDoesNotWaitForAWorkerThatHasNoTile) {
  // Far more workers than tiles or cores: most have not even been scheduled when a job ends, and
  // wake in the middle of a later one.
  ThreadPool pool(32);
  std::atomic<int64_t> sum = 0;
  for (int round = 0; round < 2000; ++round) {
    pool.ParallelFor(2, [&](int64_t tile, int) { sum += tile + 1; });
  }
  EXPECT_EQ(sum, 2000 * 3);
}

TEST(ThreadPoolTest, ANestedCallRunsInlineOnItsThread) {
  ThreadPool pool(3);
  std::atomic<int> n_inner = 0;
  std::atomic<bool> moved = false;
  pool.ParallelFor(20, [&](int64_t, int outer_thread) {
    const auto id = std::this_thread::get_id();
    pool.ParallelFor(10, [&](int64_t, int thread) {
      if (thread != outer_thread || std::this_thread::get_id() != id) moved = true;
      ++n_inner;
    });
  });
  EXPECT_EQ(n_inner, 200);
  EXPECT_FALSE(moved);
}

TEST(ThreadPoolTest, SeveralCallersTakeTurns) {
  ThreadPool pool(3);
  std::vector<int64_t> totals(4, 0);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      for (int round = 0; round < 300; ++round) {
        std::atomic<int64_t> sum = 0;
        pool.ParallelFor(10, [&](int64_t tile, int) { sum += tile; });
        totals[caller] += sum;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(totals, std::vector<int64_t>(4, 300 * 45));
}

TEST(ThreadPoolTest, WorkersThatFellAsleepAreWokenAgain) {
  ThreadPool pool(2);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(milliseconds(20));  // far longer than workers spin
    std::atomic<int> n_inside = 0;
    std::atomic<bool> met = false;
    // Passes only if two threads are inside at one time.
    pool.ParallelFor(2, [&](int64_t, int) {
      ++n_inside;
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (n_inside < 2 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
      }
      if (n_inside == 2) met = true;
    });
    EXPECT_TRUE(met);
  }
}

TEST(ThreadPoolTest, LoopsOfFewerTilesThanThreadsFinish) {
  ThreadPool pool(6);
  for (int round = 0; round < 300; ++round) {
    if (round % 50 == 0) std::this_thread::sleep_for(milliseconds(2));  // all asleep again
    std::atomic<int> n_run = 0;
    pool.ParallelFor(2 + round % 3, [&](int64_t, int) { ++n_run; });
    EXPECT_EQ(n_run, 2 + round % 3);
  }
}

TEST(ThreadPoolTest, WorkersRunWhereTheyArePlaced) {
  const std::vector<int> allowed = AllowedCpus();
  if (allowed.empty()) GTEST_SKIP() << "no affinity here";
  const std::vector<int> last = {allowed.back()};
  ThreadPool pool(3, last);
  EXPECT_EQ(pool.n_placed(), 2);
  std::atomic<bool> elsewhere = false;
  pool.ParallelFor(200, [&](int64_t, int thread) {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    if (thread != 0 && AllowedCpus() != last) elsewhere = true;
  });
  EXPECT_FALSE(elsewhere);
  EXPECT_EQ(AllowedCpus(), allowed) << "the caller's own thread is left as it was";
}

TEST(ThreadPoolTest, ACpuThatDoesNotExistLeavesWorkersUnplaced) {
  const std::vector<int> nowhere = {100'000};
  ThreadPool pool(2, nowhere);
  EXPECT_EQ(pool.n_placed(), 0);
  std::atomic<int> n_run = 0;
  pool.ParallelFor(10, [&](int64_t, int) { ++n_run; });
  EXPECT_EQ(n_run, 10);
}

TEST(ThreadPoolTest, AWorkerThatLosesItsCoreIsLeftOutAndTriedAgain) {
  const std::vector<int> allowed = AllowedCpus();
  if (allowed.size() < 2) GTEST_SKIP() << "needs two cores";
  // The worker shares its core with a thread that never sleeps, the caller has another.
  const std::vector<int> shared = {allowed[0]}, own = {allowed[1]};
  std::atomic<bool> stop = false;
  std::thread busy([&] {
    RunOnCpus(shared);
    while (!stop) {
    }
  });
  std::thread caller([&] {
    RunOnCpus(own);
    ThreadPool pool(2, shared);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    bool came_back = false;
    while (std::chrono::steady_clock::now() < deadline && !came_back) {
      bool helped = false;
      pool.ParallelFor(20, [&](int64_t, int thread) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(20);
        while (std::chrono::steady_clock::now() < end) {
        }
        if (thread == 1) helped = true;  // only one thread is 1
      });
      came_back = helped && pool.n_suspensions() > 0;
    }
    if (pool.stalled_ns() == 0) GTEST_SKIP() << "the system does not tell who waits for a core";
    EXPECT_GT(pool.n_suspensions(), 0);
    EXPECT_TRUE(came_back);
  });
  caller.join();
  stop = true;
  busy.join();
}

TEST(ThreadPool, ACallerAloneKnowsItsNextTile) {
  ThreadPool pool(1);
  std::vector<int64_t> next;
  pool.ParallelFor(3, [&](int64_t, int) { next.push_back(pool.LikelyNextTile()); });
  EXPECT_EQ(next, (std::vector<int64_t>{1, 2, 3}));
}

}  // namespace
}  // namespace autoglm

#include "qos/byte_budget.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace autoglm {
namespace {

TEST(ByteBudget, GivesAllOrNothing) {
  ByteBudget budget(100);
  auto first = budget.TryReserve(60);
  ASSERT_TRUE(first);
  EXPECT_FALSE(budget.TryReserve(41));
  EXPECT_EQ(budget.free_bytes(), 40);
  EXPECT_TRUE(budget.TryReserve(40));
  EXPECT_EQ(budget.free_bytes(), 40) << "the second was given back at once";
  first->Release();
  EXPECT_EQ(budget.free_bytes(), 100);
}

TEST(ByteBudget, RefusesWhatIsNoSize) {
  ByteBudget budget(100);
  EXPECT_FALSE(budget.TryReserve(-1));
  EXPECT_FALSE(budget.TryReserve(INT64_MAX));
  EXPECT_TRUE(budget.TryReserve(0));
}

TEST(ByteBudget, AReservationShrinksAndMoves) {
  ByteBudget budget(100);
  auto reservation = budget.TryReserve(80);
  reservation->ShrinkTo(30);
  reservation->ShrinkTo(50);  // never grows
  EXPECT_EQ(budget.reserved_bytes(), 30);
  ByteBudget::Reservation moved = std::move(*reservation);
  reservation.reset();
  EXPECT_EQ(budget.reserved_bytes(), 30);
  moved = ByteBudget::Reservation();
  EXPECT_EQ(budget.reserved_bytes(), 0);
}

TEST(ByteBudget, AReservationMayOutliveTheBudget) {
  ByteBudget::Reservation reservation;
  {
    ByteBudget budget(10);
    reservation = *budget.TryReserve(10);
  }
  EXPECT_EQ(reservation.bytes(), 10);
}

TEST(ByteBudget, ManyThreadsNeverOversellIt) {
  ByteBudget budget(10);
  std::atomic<int64_t> held{0};
  std::atomic<int64_t> most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5000; ++i) {
        const int64_t bytes = 1 + (i + t) % 7;
        auto reservation = budget.TryReserve(bytes);
        if (!reservation) continue;
        const int64_t now = held.fetch_add(bytes) + bytes;
        for (int64_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        held.fetch_sub(bytes);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 10);
  EXPECT_EQ(budget.reserved_bytes(), 0);
}

}  // namespace
}  // namespace autoglm

// Clock: time as something that is passed in, so that whatever depends on it can be tested with a
// clock that a test moves by hand.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace autoglm {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Nanoseconds since an arbitrary start; never goes back. Callable from any thread.
  virtual int64_t NowNs() const = 0;
};

/// Time that passes by itself.
class SteadyClock : public Clock {
 public:
  int64_t NowNs() const override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
};

/// Time that passes when a test says so.
class FakeClock : public Clock {
 public:
  explicit FakeClock(int64_t now_ns = 0) : now_ns_(now_ns) {}
  int64_t NowNs() const override { return now_ns_.load(std::memory_order_relaxed); }
  void AdvanceNs(int64_t ns) { now_ns_.fetch_add(ns, std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> now_ns_;
};

}  // namespace autoglm

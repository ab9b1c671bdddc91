// EventRing: a bounded queue from one thread to another one, without locks and, once its elements
// have grown, without memory. Source: Lamport 1977, "Proving the correctness of multiprocess
// programs".
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <vector>

namespace autoglm {

/// One thread writes (free, Back, Push), one reads (Front, Pop). Elements are reused: what Back
/// gives holds whatever it held before.
template <typename T>
class EventRing {
 public:
  /// Room for at least `capacity`.
  explicit EventRing(size_t capacity) : slots_(std::bit_ceil(capacity)) {}

  size_t capacity() const { return slots_.size(); }

  /// Elements that can be written now. The reader only ever adds to it.
  size_t free() const {
    return slots_.size() -
           (tail_.load(std::memory_order_relaxed) - head_.load(std::memory_order_acquire));
  }
  /// The element that Push will hand over; only where free() > 0.
  T& Back() { return slots_[tail_.load(std::memory_order_relaxed) & (slots_.size() - 1)]; }
  void Push() { tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  /// Null where there is nothing to read.
  T* Front() {
    const size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return nullptr;
    return &slots_[head & (slots_.size() - 1)];
  }
  void Pop() { head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

 private:
  std::vector<T> slots_;
  alignas(64) std::atomic<size_t> head_ = 0;
  alignas(64) std::atomic<size_t> tail_ = 0;
};

}  // namespace autoglm

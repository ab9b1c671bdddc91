// ByteBudget: so many bytes, given out in reservations that together never exceed it (SPEC S2.4).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "platform/cgroup.h"

namespace autoglm {

/// Any thread may call anything. Reservations may outlive the budget.
class ByteBudget {
  struct State;

 public:
  /// Bytes that are taken until it is destroyed or released. Movable.
  class Reservation {
   public:
    Reservation() = default;
    Reservation(Reservation&& other) noexcept
        : state_(std::move(other.state_)), bytes_(std::exchange(other.bytes_, 0)) {}
    Reservation& operator=(Reservation&& other) noexcept {
      state_.swap(other.state_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Reservation() { Release(); }

    int64_t bytes() const { return bytes_; }
    void Release();
    /// Gives back all but `bytes`, which is at most what it has.
    void ShrinkTo(int64_t bytes);

   private:
    friend class ByteBudget;
    Reservation(std::shared_ptr<State> state, int64_t bytes)
        : state_(std::move(state)), bytes_(bytes) {}

    std::shared_ptr<State> state_;
    int64_t bytes_ = 0;
  };

  explicit ByteBudget(int64_t capacity_bytes);

  /// All of `bytes` (0 or more) or nothing, in one atomic step.
  std::optional<Reservation> TryReserve(int64_t bytes);

  int64_t capacity_bytes() const;
  int64_t reserved_bytes() const;
  int64_t free_bytes() const { return capacity_bytes() - reserved_bytes(); }

 private:
  std::shared_ptr<State> state_;
};

/// The budget where the configuration names none: `share` of what the cgroup and MemAvailable
/// leave; nothing where the system does not say.
std::optional<int64_t> SystemBudgetBytes(double share = 0.8, const SystemFiles& files = {});

}  // namespace autoglm

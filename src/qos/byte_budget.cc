#include "qos/byte_budget.h"

#include "platform/memory.h"

namespace autoglm {

struct ByteBudget::State {
  int64_t capacity_bytes = 0;
  std::atomic<int64_t> reserved_bytes{0};
};

void ByteBudget::Reservation::Release() {
  if (state_) state_->reserved_bytes.fetch_sub(bytes_, std::memory_order_acq_rel);
  state_.reset();
  bytes_ = 0;
}

void ByteBudget::Reservation::ShrinkTo(int64_t bytes) {
  if (!state_ || bytes < 0 || bytes >= bytes_) return;
  state_->reserved_bytes.fetch_sub(bytes_ - bytes, std::memory_order_acq_rel);
  bytes_ = bytes;
}

ByteBudget::ByteBudget(int64_t capacity_bytes) : state_(std::make_shared<State>()) {
  state_->capacity_bytes = capacity_bytes;
}

std::optional<ByteBudget::Reservation> ByteBudget::TryReserve(int64_t bytes) {
  if (bytes < 0) return std::nullopt;
  int64_t reserved = state_->reserved_bytes.load(std::memory_order_acquire);
  do {
    if (bytes > state_->capacity_bytes - reserved) return std::nullopt;
  } while (!state_->reserved_bytes.compare_exchange_weak(reserved, reserved + bytes,
                                                         std::memory_order_acq_rel));
  return Reservation(state_, bytes);
}

int64_t ByteBudget::capacity_bytes() const { return state_->capacity_bytes; }

int64_t ByteBudget::reserved_bytes() const {
  return state_->reserved_bytes.load(std::memory_order_acquire);
}

std::optional<int64_t> SystemBudgetBytes(double share, const SystemFiles& files) {
  const std::optional<int64_t> available = AvailableMemoryBytes(files);
  if (!available) return std::nullopt;
  return static_cast<int64_t>(static_cast<double>(*available) * share);
}

}  // namespace autoglm

// TaskMemory: memory that requests reserve for tasks of their apps' own (SPEC S2.4), out of a
// budget that they share with others.
#pragma once

#include <cstdint>
#include <optional>

#include "qos/byte_budget.h"

namespace autoglm {

/// Any thread may call anything.
class TaskMemory {
 public:
  virtual ~TaskMemory() = default;

  /// All of `bytes` or nothing, in one atomic step.
  virtual std::optional<ByteBudget::Reservation> TryReserve(int64_t bytes) = 0;
  /// The most that TryReserve would give now.
  virtual int64_t free_bytes() const = 0;
};

}  // namespace autoglm

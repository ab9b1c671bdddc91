// Buffer: the one owner of large memory. Allocation can fail and says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/status.h"
#include "tensor/tensor.h"

namespace autoglm {

/// Zero-initialized memory aligned to kAlignment (a cache line and a vector register); pages are
/// taken from the system when first touched. Movable, not copyable.
class Buffer {
 public:
  static constexpr size_t kAlignment = 64;

  /// kResourceExhausted when the system refuses; `what` names the use in that message.
  static Result<Buffer> Allocate(size_t n_bytes, const char* what);

  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), n_bytes_(std::exchange(other.n_bytes_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(n_bytes_, other.n_bytes_);
    return *this;
  }
  ~Buffer();

  std::byte* data() const { return data_; }
  size_t n_bytes() const { return n_bytes_; }

  /// A contiguous tensor at `offset` bytes; it must fit.
  Tensor View(DType dtype, const Shape& shape, size_t offset = 0) const;

 private:
  std::byte* data_ = nullptr;
  size_t n_bytes_ = 0;
};

}  // namespace autoglm

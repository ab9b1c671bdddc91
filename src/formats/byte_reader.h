// ByteReader: little-endian values from untrusted bytes, each read checked against what is left.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/status.h"

namespace autoglm {

static_assert(std::endian::native == std::endian::little,
              "model files are little-endian and are used in place");

/// A cursor over bytes that it does not own. `what` names the thing being read in messages.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  size_t position() const { return position_; }
  size_t left() const { return bytes_.size() - position_; }

  template <typename T>
  requires std::is_arithmetic_v<T> Status Read(T* value, std::string_view what) {
    if (left() < sizeof(T)) return Truncated(sizeof(T), what);
    std::memcpy(value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return OkStatus();
  }

  /// A view of the next `n` bytes.
  Status ReadView(uint64_t n, std::string_view* view, std::string_view what) {
    if (left() < n) return Truncated(n, what);
    *view = {reinterpret_cast<const char*>(bytes_.data()) + position_, static_cast<size_t>(n)};
    position_ += static_cast<size_t>(n);
    return OkStatus();
  }

  Status Truncated(uint64_t wanted, std::string_view what) const {
    return Error(StatusCode::kDataLoss, "the file ends too soon: ", what, " at byte ", position_,
                 " needs ", wanted, " bytes, ", left(), " are left");
  }

 private:
  std::span<const std::byte> bytes_;
  size_t position_ = 0;
};

}  // namespace autoglm

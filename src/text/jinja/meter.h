// How much memory a render holds: every string, list and output buffer takes its bytes from one
// Meter and gives them back when it dies, so that a template cannot grow without bound.
#pragma once

#include <cstddef>
#include <utility>

namespace autoglm::jinja {

/// Live bytes of one render. Used by one thread; outlives everything charged to it.
class Meter {
 public:
  explicit Meter(size_t max_bytes) : max_bytes_(max_bytes) {}
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  /// False, and nothing taken, when the bytes would exceed the bound.
  bool Take(size_t n_bytes) {
    if (n_bytes > max_bytes_ - live_bytes_) return false;
    live_bytes_ += n_bytes;
    return true;
  }
  void Give(size_t n_bytes) { live_bytes_ -= n_bytes; }

 private:
  size_t max_bytes_;
  size_t live_bytes_ = 0;
};

/// Bytes taken from a Meter, given back on destruction. The default charge belongs to no Meter
/// (constants of a parsed template).
class Charge {
 public:
  Charge() = default;
  Charge(Charge&& other) noexcept
      : meter_(std::exchange(other.meter_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Charge& operator=(Charge&& other) noexcept {
    std::swap(meter_, other.meter_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Charge() {
    if (meter_ != nullptr) meter_->Give(bytes_);
  }

  /// Takes `n_bytes` more; false when the meter refuses.
  bool Grow(Meter* meter, size_t n_bytes) {
    if (!meter->Take(n_bytes)) return false;
    meter_ = meter;
    bytes_ += n_bytes;
    return true;
  }

 private:
  Meter* meter_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace autoglm::jinja

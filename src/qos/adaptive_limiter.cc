#include "qos/adaptive_limiter.h"

#include <algorithm>
#include <cmath>

namespace autoglm {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr size_t kMaxRatios = 1000;
constexpr double kPercentile = 0.9;

}  // namespace

AdaptiveLimiter::AdaptiveLimiter(AdaptiveLimiterOptions options, int64_t now_ns)
    : options_(options), start_ns_(now_ns) {
  ratios_.reserve(kMaxRatios);
  SetRate();
}

int64_t AdaptiveLimiter::SecondOf(int64_t now_ns) const {
  return std::max<int64_t>(0, now_ns - start_ns_) / kNsPerSecond;
}

double AdaptiveLimiter::WindowSeconds() const {
  return static_cast<double>(std::min<int64_t>(second_ + 1, kWindowSeconds));
}

void AdaptiveLimiter::SetRate() {
  const double rate = threshold() / kWindowSeconds;
  bucket_.set_options({.rate_per_s = rate, .burst = std::max(1.0, rate * options_.burst_s)});
}

void AdaptiveLimiter::AdvanceTo(int64_t now_ns) {
  const int64_t second = SecondOf(now_ns);
  if (second <= second_) return;
  Adjust();
  // Seconds without any request: what no sample speaks against grows.
  const int64_t n_quiet = second - second_ - 1;
  adjustment_ = std::min(1.0, adjustment_ * std::pow(options_.growth, n_quiet));
  for (int64_t s = std::max(second_ + 1, second - kWindowSeconds + 1); s <= second; ++s) {
    int64_t& slot = admitted_[static_cast<size_t>(s % kWindowSeconds)];
    n_in_window_ -= slot;
    slot = 0;
    served_[static_cast<size_t>(s % kWindowSeconds)] = 0;
  }
  second_ = second;
  SetRate();
}

void AdaptiveLimiter::Adjust() {
  double ratio = 0;
  if (!ratios_.empty()) {
    const auto nth =
        static_cast<size_t>(std::ceil(kPercentile * static_cast<double>(ratios_.size())) - 1);
    std::nth_element(ratios_.begin(), ratios_.begin() + static_cast<std::ptrdiff_t>(nth),
                     ratios_.end());
    ratio = ratios_[nth];
    ratios_.clear();
  }
  if (ratio > 1) {
    const double cut = std::max(options_.max_cut, 1 / ratio);
    adjustment_ = std::min(adjustment_, cut * ServedPerWindow() / options_.baseline);
  } else {
    adjustment_ *= options_.growth;
  }
  adjustment_ = std::clamp(adjustment_, options_.min_adjustment, 1.0);
}

double AdaptiveLimiter::ServedPerWindow() const {
  int64_t n_served = 0;
  int64_t n_seconds = 0;
  while (n_seconds < std::min<int64_t>(kMaxServedSeconds, second_ + 1) &&
         n_served < kServedSamples) {
    n_served += served_[static_cast<size_t>((second_ - n_seconds) % kWindowSeconds)];
    ++n_seconds;
  }
  return static_cast<double>(n_served * kWindowSeconds) / static_cast<double>(n_seconds);
}

bool AdaptiveLimiter::WindowHasRoom() const {
  const double scaled = threshold() * WindowSeconds() / kWindowSeconds;
  return static_cast<double>(n_in_window_) < std::max(1.0, scaled);
}

bool AdaptiveLimiter::TryAdmit(int64_t now_ns) {
  AdvanceTo(now_ns);
  if (!WindowHasRoom() || !bucket_.TryTake(1, now_ns)) return false;
  ++admitted_[static_cast<size_t>(second_ % kWindowSeconds)];
  ++n_in_window_;
  return true;
}

void AdaptiveLimiter::ObserveDelay(int64_t delay_ns, int64_t target_ns, int64_t now_ns) {
  AdvanceTo(now_ns);
  ++served_[static_cast<size_t>(second_ % kWindowSeconds)];
  if (target_ns <= 0 || ratios_.size() == kMaxRatios) return;
  ratios_.push_back(static_cast<double>(delay_ns) / static_cast<double>(target_ns));
}

int64_t AdaptiveLimiter::RetryAfterNs(int64_t now_ns) {
  AdvanceTo(now_ns);
  const int64_t bucket_ns = bucket_.WaitNs(1, now_ns);
  if (WindowHasRoom()) return bucket_ns;
  // The oldest second that admitted something has to leave the window (while the window still
  // grows, its room grows with the next second).
  int64_t n_seconds = 1;
  if (second_ + 1 >= kWindowSeconds) {
    while (n_seconds < kWindowSeconds &&
           admitted_[static_cast<size_t>((second_ + n_seconds) % kWindowSeconds)] == 0) {
      ++n_seconds;
    }
  }
  const int64_t window_ns = start_ns_ + (second_ + n_seconds) * kNsPerSecond - now_ns;
  return std::max(bucket_ns, window_ns);
}

}  // namespace autoglm

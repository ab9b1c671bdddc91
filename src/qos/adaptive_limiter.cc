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
    const double cut =
        std::clamp(1 - options_.gain * (ratio - 1), options_.least_cut, options_.most_cut);
    adjustment_ = cut * ServedPerWindow() / options_.baseline;
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

bool AdaptiveLimiter::TryAdmit(int64_t now_ns) {
  AdvanceTo(now_ns);
  if (!bucket_.TryTake(1, now_ns)) return false;
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
  return bucket_.WaitNs(1, now_ns);
}

}  // namespace autoglm

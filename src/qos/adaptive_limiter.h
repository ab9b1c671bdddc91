// AdaptiveLimiter: how many requests a window may bring, by how long requests had to wait
// (SPEC S2.3: threshold = baseline x an adjustment from a sliding window of 60 s).
//
//   threshold T = baseline * A        requests in a window of 60 s, A in [min_adjustment, 1]
//   once a second, with q = the second's 90th percentile of (queue delay / target delay):
//     q > 1:       A = clamp(1 - gain * (q - 1), least_cut, most_cut) * served / baseline
//     otherwise:   A = min(1, A * growth)
//   served = requests that left the queue, scaled to 60 s, over the last seconds that saw at least
//   kServedSamples of them (at most kMaxServedSeconds).
//
// A token bucket of rate T / 60 s with a burst of burst_s seconds lets requests pass: counting the
// window alone would let a whole minute's requests come in its first second, and hold what came
// before a cut against those that come after it. While requests wait, what is served is what the
// server can do; admitting less empties the queue, the faster the longer it is.
// Source: control of admission by multiplication on the 90th percentile of the delay against a
// target: Welsh and Culler, "Adaptive Overload Control for Busy Internet Servers", 2003.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "qos/token_bucket.h"

namespace autoglm {

struct AdaptiveLimiterOptions {
  double baseline = 60000;       ///< requests in 60 s with an idle queue: 1000 a second
  double min_adjustment = 1e-5;  ///< the least that A can be
  double gain = 0.1;             ///< how much less is admitted for each target that q is above 1
  double least_cut = 0.5;        ///< of what is served
  double most_cut = 0.97;
  double growth = 1.05;  ///< what a second without delay gives back
  double burst_s = 1;    ///< seconds of T that may come at once
};

/// One thread at a time. Times are nanoseconds of one clock.
class AdaptiveLimiter {
 public:
  static constexpr int kWindowSeconds = 60;
  static constexpr int kServedSamples = 20;
  static constexpr int kMaxServedSeconds = 10;

  explicit AdaptiveLimiter(AdaptiveLimiterOptions options, int64_t now_ns);

  /// Counts and admits a request, or refuses it.
  bool TryAdmit(int64_t now_ns);
  /// An admitted request waited `delay_ns` in the queue where `target_ns` is what it should.
  void ObserveDelay(int64_t delay_ns, int64_t target_ns, int64_t now_ns);

  /// How long until TryAdmit can succeed, as far as is known now; 0 where it would now.
  int64_t RetryAfterNs(int64_t now_ns);

  double adjustment() const { return adjustment_; }
  double threshold() const { return options_.baseline * adjustment_; }
  /// Requests admitted in the last 60 s.
  int64_t n_in_window() const { return n_in_window_; }

 private:
  void AdvanceTo(int64_t now_ns);
  void Adjust();
  double ServedPerWindow() const;
  int64_t SecondOf(int64_t now_ns) const;
  void SetRate();

  AdaptiveLimiterOptions options_;
  int64_t start_ns_;
  int64_t second_ = 0;                                 ///< since start_ns_, of the newest slot
  std::array<int64_t, kWindowSeconds> admitted_ = {};  ///< slot second % 60
  std::array<int64_t, kWindowSeconds> served_ = {};
  int64_t n_in_window_ = 0;
  std::vector<double> ratios_;  ///< delay / target of the current second, at most kMaxRatios
  double adjustment_ = 1;
  TokenBucket bucket_;
};

}  // namespace autoglm

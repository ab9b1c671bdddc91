// TokenBucket: at most `rate` events a second in the long run, and `burst` at once (SPEC S2.3).
// Formula, with the level held as the time at which the bucket would be full:
//   level(t) = min(burst, level(t0) + rate * (t - t0));  n events pass where level >= n, and take
//   n.
// Source: the token bucket of RFC 2697; the form with one time is the virtual scheduling of the
// generic cell rate algorithm (ITU-T I.371).
#pragma once

#include <cstdint>

namespace autoglm {

struct TokenBucketOptions {
  double rate_per_s = 1000;  ///< above 0
  double burst = 200;        ///< at least 1
};

/// One thread at a time. Times are nanoseconds of one clock.
class TokenBucket {
 public:
  explicit TokenBucket(TokenBucketOptions options = {}) : options_(options) {}

  /// Takes `n` where they are there.
  bool TryTake(double n, int64_t now_ns);
  /// How long until TryTake(n) would succeed; 0 now, -1 never (n is above burst).
  int64_t WaitNs(double n, int64_t now_ns) const;
  double Level(int64_t now_ns) const;

  const TokenBucketOptions& options() const { return options_; }
  /// Another rate and burst from now on; what is missing is kept as a time.
  void set_options(TokenBucketOptions options) { options_ = options; }

 private:
  TokenBucketOptions options_;
  double full_at_ns_ = 0;  ///< full at first
};

}  // namespace autoglm

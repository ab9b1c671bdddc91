// RetryPolicy: whether a request is sent again, and after what time (SPEC S2.3).
//   wait(k) = max(first_wait * factor^(k-1) * u, Retry-After), u uniform in [0.5, 1.5]
// Source: M. Brooker, "Exponential Backoff And Jitter", 2015: what failed together does not come
// back together.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/rng.h"

namespace autoglm {

struct RetryOptions {
  int max_retries = 2;
  double first_wait_ms = 50;
  double wait_factor = 1.5;
  bool retry_refused = false;
  int64_t max_retry_after_ms = 10000;
};

/// How an attempt ended.
struct AttemptOutcome {
  bool timed_out = false;  ///< no connection or no answer in time
  bool began = false;      ///< a piece of a successful answer was handed on
  int http_status = 0;     ///< 0: none came
  int64_t retry_after_ms = -1;
};

class RetryPolicy {
 public:
  RetryPolicy(const RetryOptions& options, uint64_t seed) : options_(options), rng_(seed) {}

  /// The wait before the next attempt, in milliseconds; nothing where there shall be none.
  std::optional<double> NextWaitMs(const AttemptOutcome& outcome);
  int n_retries() const { return n_retries_; }

 private:
  RetryOptions options_;
  Rng rng_;
  int n_retries_ = 0;
};

/// Retry-After's value in seconds (the form with a date is not understood), or retry-after-ms's in
/// milliseconds, as milliseconds; -1 where it is neither.
int64_t ParseRetryAfterMs(std::optional<std::string_view> seconds,
                          std::optional<std::string_view> milliseconds);

}  // namespace autoglm

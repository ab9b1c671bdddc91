// Limits: how many requests may come: a token bucket for each app, then one limiter for all that
// follows how long requests have to wait (SPEC S2.3; the formulas are in qos/).
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "qos/adaptive_limiter.h"
#include "qos/request_class.h"
#include "qos/token_bucket.h"
#include "service/api_error.h"
#include "service/apps.h"

namespace autoglm {

struct LimitOptions {
  AdaptiveLimiterOptions adaptive = {};
  /// How long a request of each class should wait at most before it begins.
  PerClass<int64_t> target_delay_ns = {50'000'000, 500'000'000, 30'000'000'000};
};

/// Any thread.
class Limits {
 public:
  Limits(const LimitOptions& options, int64_t now_ns);

  /// Counts one request of `app`, or refuses it: 429 with the time after which to ask again.
  ApiError Admit(const App& app, int64_t now_ns);
  /// A request began after so long in the queue.
  void ObserveDelay(RequestClass request_class, int64_t delay_ns, int64_t now_ns);

  struct State {
    double threshold = 0;
    double adjustment = 1;
    int64_t n_in_window = 0;
  };
  State state() const;

 private:
  const LimitOptions options_;
  mutable std::mutex mutex_;
  std::map<std::string, TokenBucket> buckets_;  ///< by app; they outlive a new configuration
  AdaptiveLimiter limiter_;
};

}  // namespace autoglm

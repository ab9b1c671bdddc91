// See limits.h.
#include "service/limits.h"

#include <algorithm>

#include "base/str.h"

namespace autoglm {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

ApiError TooManyRequests(std::string message, const char* code, int64_t wait_ns) {
  ApiError error;
  error.status = 429;
  error.type = "rate_limit_error";
  error.code = code;
  error.message = std::move(message);
  error.retry_after_ms = std::max<int64_t>((wait_ns + kNsPerMs - 1) / kNsPerMs, 1);
  return error;
}

}  // namespace

Limits::Limits(const LimitOptions& options, int64_t now_ns)
    : options_(options), limiter_(options.adaptive, now_ns) {}

ApiError Limits::Admit(const App& app, int64_t now_ns) {
  std::lock_guard lock(mutex_);
  TokenBucket& bucket = buckets_.try_emplace(app.name, app.rate).first->second;
  bucket.set_options(app.rate);
  if (!bucket.TryTake(1, now_ns)) {
    return TooManyRequests(StrCat("app '", app.name, "' may send ", app.rate.rate_per_s,
                                  " requests a second, and ", app.rate.burst, " at once"),
                           "rate_limit_exceeded", bucket.WaitNs(1, now_ns));
  }
  if (!limiter_.TryAdmit(now_ns)) {
    return TooManyRequests(
        StrCat("the service takes ", static_cast<int64_t>(limiter_.threshold()),
               " requests in 60 s now, as long as they wait for more than they should"),
        "overloaded", limiter_.RetryAfterNs(now_ns));
  }
  return {};
}

void Limits::ObserveDelay(RequestClass request_class, int64_t delay_ns, int64_t now_ns) {
  std::lock_guard lock(mutex_);
  limiter_.ObserveDelay(delay_ns, options_.target_delay_ns[static_cast<size_t>(request_class)],
                        now_ns);
}

Limits::State Limits::state() const {
  std::lock_guard lock(mutex_);
  return {limiter_.threshold(), limiter_.adjustment(), limiter_.n_in_window()};
}

}  // namespace autoglm

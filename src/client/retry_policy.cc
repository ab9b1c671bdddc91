#include "client/retry_policy.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace autoglm {
namespace {

constexpr int kRequestTimeout = 408, kTooManyRequests = 429, kUnavailable = 503,
              kGatewayTimeout = 504;
constexpr int64_t kMaxRetryAfterS = int64_t{1} << 40;

int64_t ParseWhole(std::optional<std::string_view> text) {
  if (!text) return -1;
  int64_t value = -1;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return -1;
  return value < 0 || value > kMaxRetryAfterS ? -1 : value;
}

}  // namespace

std::optional<double> RetryPolicy::NextWaitMs(const AttemptOutcome& outcome) {
  if (outcome.began || n_retries_ >= options_.max_retries) return std::nullopt;
  const bool timed_out = outcome.timed_out || outcome.http_status == kRequestTimeout ||
                         outcome.http_status == kGatewayTimeout;
  const bool refused =
      outcome.http_status == kTooManyRequests || outcome.http_status == kUnavailable;
  const bool invited = options_.retry_refused && refused && outcome.retry_after_ms >= 0;
  if (!timed_out && !invited) return std::nullopt;
  if (outcome.retry_after_ms > options_.max_retry_after_ms) return std::nullopt;
  const double wait_ms = options_.first_wait_ms * std::pow(options_.wait_factor, n_retries_) *
                         (0.5 + rng_.NextDouble());
  ++n_retries_;
  return std::max(wait_ms, static_cast<double>(outcome.retry_after_ms));
}

int64_t ParseRetryAfterMs(std::optional<std::string_view> seconds,
                          std::optional<std::string_view> milliseconds) {
  if (const int64_t ms = ParseWhole(milliseconds); ms >= 0) return ms;
  const int64_t s = ParseWhole(seconds);
  return s < 0 ? -1 : s * 1000;
}

}  // namespace autoglm

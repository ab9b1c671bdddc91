#include "qos/token_bucket.h"

#include <algorithm>
#include <cmath>

namespace autoglm {

double TokenBucket::Level(int64_t now_ns) const {
  const double missing_ns = std::max(0.0, full_at_ns_ - static_cast<double>(now_ns));
  return options_.burst - missing_ns * 1e-9 * options_.rate_per_s;
}

bool TokenBucket::TryTake(double n, int64_t now_ns) {
  if (Level(now_ns) < n) return false;
  full_at_ns_ = std::max(full_at_ns_, static_cast<double>(now_ns)) + n / options_.rate_per_s * 1e9;
  return true;
}

int64_t TokenBucket::WaitNs(double n, int64_t now_ns) const {
  if (n > options_.burst) return -1;
  const double missing = n - Level(now_ns);
  if (missing <= 0) return 0;
  return static_cast<int64_t>(std::ceil(missing / options_.rate_per_s * 1e9));
}

}  // namespace autoglm

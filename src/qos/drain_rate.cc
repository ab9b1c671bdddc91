#include "qos/drain_rate.h"

#include <algorithm>
#include <cmath>

namespace autoglm {

void DrainRate::Observe(double work_ms, double busy_ms) {
  if (!(work_ms >= 0) || !(busy_ms >= 0)) return;
  const double keep = std::exp2(-busy_ms / kHalfLifeMs);
  work_ms_ = work_ms_ * keep + work_ms;
  busy_ms_ = busy_ms_ * keep + busy_ms;
}

double DrainRate::rate() const {
  if (busy_ms_ <= 0) return 1;
  return std::max(1e-3, work_ms_ / busy_ms_);
}

}  // namespace autoglm

// The few loops over a whole vocabulary that sampling needs. They use only operations that IEEE 754
// rounds exactly, in a fixed order, and no libm, so that results are the same bits everywhere.
#pragma once

#include <span>

namespace autoglm {

struct MaxResult {
  float value;   ///< -infinity for an empty span; NaNs are passed over
  bool has_nan;  ///< whether any element is a NaN
};

MaxResult MaxOf(std::span<const float> x);

/// out[i] = exp(x[i] - max), for x[i] <= max and finite max; exactly 1 for x[i] = max, and 0 where
/// x[i] - max is below about -87.6 (no subnormal numbers). Relative error below 3e-7 on top of the
/// rounding of x[i] - max. out: [x.size()], may be x itself.
void ExpBelowMax(std::span<const float> x, float max, float* out);

/// The sum, in double.
double SumOf(std::span<const float> x);

}  // namespace autoglm

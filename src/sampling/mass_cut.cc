#include "sampling/mass_cut.h"

#include <algorithm>
#include <array>

namespace autoglm {

namespace {

struct Digit {
  int shift;
  int n_bits;
};
constexpr Digit kDigits[] = {{21, 11}, {10, 11}, {0, 10}};  // most significant first

// The bucket in which the running sum, starting at *before, reaches `target` (or the last with any
// mass); *before becomes the sum of the buckets in front of it.
uint32_t BucketReaching(std::span<const double> mass, double target, double* before) {
  uint32_t found = 0;
  double sum = *before;
  for (uint32_t b = 0; b < mass.size(); ++b) {
    if (mass[b] <= 0) continue;
    found = b;
    *before = sum;
    sum += mass[b];
    if (sum >= target) break;
  }
  return found;
}

}  // namespace

MassCut FindMassCut(std::span<const uint32_t> keys, std::span<const float> weights, double target) {
  uint32_t prefix = 0;
  uint32_t prefix_mask = 0;
  double before = 0;  // mass of all keys that sort before every key with this prefix
  std::array<double, 1 << 11> mass;
  for (const Digit digit : kDigits) {
    const uint32_t digit_mask = (1u << digit.n_bits) - 1;
    std::fill(mass.begin(), mass.end(), 0.0);
    for (size_t i = 0; i < keys.size(); ++i) {
      if ((keys[i] & prefix_mask) == prefix)
        mass[keys[i] >> digit.shift & digit_mask] += weights[i];
    }
    prefix |= BucketReaching({mass.data(), digit_mask + 1}, target, &before) << digit.shift;
    prefix_mask |= digit_mask << digit.shift;
  }
  MassCut cut{prefix, 0};
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] != prefix || weights[i] <= 0) continue;
    cut.index = i;
    before += weights[i];
    if (before >= target) break;
  }
  return cut;
}

}  // namespace autoglm

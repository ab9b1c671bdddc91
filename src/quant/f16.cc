// IEEE binary16. Finite values beyond its range become its largest value, not infinity: one weight
// of 70000 would otherwise turn a whole model's output into NaNs.
#include <cmath>
#include <cstring>

#include "quant/block_codec.h"

namespace autoglm {

namespace {

void Decode(const std::byte* blocks, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    uint16_t half;
    std::memcpy(&half, blocks + 2 * i, sizeof(half));
    out[i] = HalfToFloat(half);
  }
}

void Encode(const float* x, const float* /*importance*/, std::byte* blocks, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const uint16_t half = std::isfinite(x[i]) ? FloatToFiniteHalf(x[i]) : FloatToHalf(x[i]);
    std::memcpy(blocks + 2 * i, &half, sizeof(half));
  }
}

}  // namespace

const QuantFormat kF16Format = {DType::kF16, Decode, Encode};

}  // namespace autoglm

// IEEE binary16. Finite values beyond its range become its largest value, not infinity: one weight
// of 70000 would otherwise turn a whole model's output into NaNs.
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

void Encode(const float* x, const float* /*importance*/, std::byte* blocks, int64_t n,
            const EncoderLoops& loops) {
  loops.to_halves(x, n, blocks);
}

}  // namespace

const QuantFormat kF16Format = {DType::kF16, Decode, Encode};

}  // namespace autoglm

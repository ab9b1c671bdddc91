// bfloat16: the upper half of a float32, rounded to nearest. A finite value stays finite.
#include <cmath>
#include <cstring>

#include "base/float16.h"
#include "quant/quant_format.h"

namespace autoglm {

namespace {

constexpr float kLargest = 0x1.FEp+127f;

void Decode(const std::byte* blocks, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    uint16_t upper;
    std::memcpy(&upper, blocks + 2 * i, sizeof(upper));
    out[i] = BFloatToFloat(upper);
  }
}

void Encode(const float* x, const float* /*importance*/, std::byte* blocks, int64_t n,
            const EncoderLoops& /*loops*/) {
  for (int64_t i = 0; i < n; ++i) {
    float v = x[i];
    if (std::isfinite(v)) v = v > kLargest ? kLargest : (v < -kLargest ? -kLargest : v);
    const uint16_t upper = FloatToBFloat(v);
    std::memcpy(blocks + 2 * i, &upper, sizeof(upper));
  }
}

}  // namespace

const QuantFormat kBF16Format = {DType::kBF16, Decode, Encode};

}  // namespace autoglm

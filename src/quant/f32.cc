// float32: copied.
#include <cstring>

#include "quant/quant_format.h"

namespace autoglm {

namespace {

void Decode(const std::byte* blocks, float* out, int64_t n) {
  std::memcpy(out, blocks, static_cast<size_t>(n) * sizeof(float));
}

void Encode(const float* x, const float* /*importance*/, std::byte* blocks, int64_t n,
            const EncoderLoops& /*loops*/) {
  std::memcpy(blocks, x, static_cast<size_t>(n) * sizeof(float));
}

}  // namespace

const QuantFormat kF32Format = {DType::kF32, Decode, Encode};

}  // namespace autoglm

// IQ4_NL: 4-bit indices into a fixed table of sixteen levels, one scale for each 32 elements.
// Decoded only.
#include "quant/block_codec.h"

namespace autoglm {

namespace {

void Decode(const std::byte* blocks, float* out, int64_t n) {
  DecodeBlocks<BlockIQ4_NL>(blocks, out, n, [](const BlockIQ4_NL& block, float* out) {
    const float d = HalfToFloat(block.d);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * kIq4Values[block.qs[i] & 15];
      out[i + 16] = d * kIq4Values[block.qs[i] >> 4];
    }
  });
}

}  // namespace

const QuantFormat kIQ4_NLFormat = {DType::kIQ4_NL, Decode, nullptr};

}  // namespace autoglm

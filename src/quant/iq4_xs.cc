// IQ4_XS: the levels of IQ4_NL in super-blocks of 256 with 6-bit scales. Decoded only.
#include "quant/block_codec.h"

namespace autoglm {

namespace {

void Decode(const std::byte* blocks, float* out, int64_t n) {
  DecodeBlocks<BlockIQ4_XS>(blocks, out, n, [](const BlockIQ4_XS& block, float* out) {
    const float d = HalfToFloat(block.d);
    for (int s = 0; s < 8; ++s) {
      const int low = block.scales_l[s / 2] >> (4 * (s % 2)) & 15;
      const int high = block.scales_h >> (2 * s) & 3;
      const float scale = d * ((low | high << 4) - 32);
      const uint8_t* qs = block.qs + 16 * s;
      for (int i = 0; i < 16; ++i) {
        out[32 * s + i] = scale * kIq4Values[qs[i] & 15];
        out[32 * s + i + 16] = scale * kIq4Values[qs[i] >> 4];
      }
    }
  });
}

}  // namespace

const QuantFormat kIQ4_XSFormat = {DType::kIQ4_XS, Decode, nullptr};

}  // namespace autoglm

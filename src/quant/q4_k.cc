// Q4_K: 4-bit levels; super-blocks of 256 with 6-bit scales and mins of 8 sub-blocks.
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace autoglm {

namespace {

// (d scale) q and dmin min are exact in float32 (at most 21 bits), so that the difference rounds
// once, in whatever order a backend multiplies. The same holds for every K type.
void Decode(const std::byte* blocks, float* out, int64_t n) {
  DecodeBlocks<BlockQ4_K>(blocks, out, n, [](const BlockQ4_K& block, float* out) {
    const float d = HalfToFloat(block.d), dmin = HalfToFloat(block.dmin);
    uint8_t scales[8], mins[8];
    UnpackScaleMins(block.scales, scales, mins);
    for (int s = 0; s < 8; s += 2) {
      const uint8_t* qs = block.qs + 16 * s;
      const float d0 = d * scales[s], m0 = dmin * mins[s];
      const float d1 = d * scales[s + 1], m1 = dmin * mins[s + 1];
      for (int i = 0; i < 32; ++i) out[32 * s + i] = d0 * (qs[i] & 15) - m0;
      for (int i = 0; i < 32; ++i) out[32 * s + 32 + i] = d1 * (qs[i] >> 4) - m1;
    }
  });
}

void Encode(const float* x, const float* importance, std::byte* blocks, int64_t n,
            const EncoderLoops& loops) {
  EncodeBlocks<BlockQ4_K>(
      x, importance, blocks, n, loops,
      [&](const EncoderInput<256>& input, BlockQ4_K* block) {
        const SuperBlockFit fit = FitAffineSuperBlock(loops, input.x, input.w, 32, 15, 63);
        block->d = fit.d;
        block->dmin = fit.dmin;
        PackScaleMins(fit.scales, fit.mins, block->scales);
        for (int i = 0; i < 128; ++i) {
          const int8_t* q = fit.q + i / 32 * 64 + i % 32;
          block->qs[i] = static_cast<uint8_t>(q[0] | q[32] << 4);
        }
      },
      [](BlockQ4_K*) {});
}

}  // namespace

const QuantFormat kQ4_KFormat = {DType::kQ4_K, Decode, Encode};

}  // namespace autoglm

// Q5_K: 5-bit levels; super-blocks of 256 with 6-bit scales and mins of 8 sub-blocks.
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace autoglm {

namespace {

void Decode(const std::byte* blocks, float* out, int64_t n) {
  DecodeBlocks<BlockQ5_K>(blocks, out, n, [](const BlockQ5_K& block, float* out) {
    const float d = HalfToFloat(block.d), dmin = HalfToFloat(block.dmin);
    uint8_t scales[8], mins[8];
    UnpackScaleMins(block.scales, scales, mins);
    for (int s = 0; s < 8; ++s) {
      const uint8_t* qs = block.qs + s / 2 * 32;
      const int nibble = s % 2 * 4;
      const float scale = d * scales[s], min = dmin * mins[s];
      for (int i = 0; i < 32; ++i) {
        const int q = (qs[i] >> nibble & 15) | (block.qh[i] >> s & 1) << 4;
        out[32 * s + i] = scale * q - min;
      }
    }
  });
}

void Encode(const float* x, const float* importance, std::byte* blocks, int64_t n,
            const EncoderLoops& loops) {
  EncodeBlocks<BlockQ5_K>(
      x, importance, blocks, n, loops,
      [&](const EncoderInput<256>& input, BlockQ5_K* block) {
        const SuperBlockFit fit = FitAffineSuperBlock(loops, input.x, input.w, 32, 31, 63);
        block->d = fit.d;
        block->dmin = fit.dmin;
        PackScaleMins(fit.scales, fit.mins, block->scales);
        for (int s = 0; s < 8; ++s) {
          for (int i = 0; i < 32; ++i) {
            const int q = fit.q[32 * s + i];
            block->qs[s / 2 * 32 + i] |= static_cast<uint8_t>((q & 15) << (s % 2 * 4));
            block->qh[i] |= static_cast<uint8_t>(q >> 4 << s);
          }
        }
      },
      [](BlockQ5_K*) {});
}

}  // namespace

const QuantFormat kQ5_KFormat = {DType::kQ5_K, Decode, Encode};

}  // namespace autoglm

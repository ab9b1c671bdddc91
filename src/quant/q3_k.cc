// Q3_K: 3-bit levels -4..3; super-blocks of 256 with 6-bit signed scales of 16 sub-blocks.
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace autoglm {

namespace {

void Decode(const std::byte* blocks, float* out, int64_t n) {
  DecodeBlocks<BlockQ3_K>(blocks, out, n, [](const BlockQ3_K& block, float* out) {
    const float d = HalfToFloat(block.d);
    int8_t scales[16];
    UnpackScalesQ3_K(block.scales, scales);
    for (int s = 0; s < 16; ++s) {
      const uint8_t* qs = block.qs + s / 8 * 32 + s % 2 * 16;
      const uint8_t* third = block.hmask + s % 2 * 16;
      const int shift = s % 8 / 2 * 2;
      const float scale = d * scales[s];
      for (int i = 0; i < 16; ++i) {
        const int q = (qs[i] >> shift & 3) | (third[i] >> (s / 2) & 1) << 2;
        out[16 * s + i] = scale * (q - 4);
      }
    }
  });
}

void Encode(const float* x, const float* importance, std::byte* blocks, int64_t n,
            const EncoderLoops& loops) {
  EncodeBlocks<BlockQ3_K>(
      x, importance, blocks, n, loops,
      [&](const EncoderInput<256>& input, BlockQ3_K* block) {
        const SuperBlockFit fit = FitScaledSuperBlock(loops, input.x, input.w, {-4, 3}, {-32, 31});
        block->d = fit.d;
        PackScalesQ3_K(fit.scales, block->scales);
        for (int i = 0; i < 256; ++i) {
          const int q = fit.q[i] + 4, pair = i % 128 / 32 * 2;
          block->qs[i / 128 * 32 + i % 32] |= static_cast<uint8_t>((q & 3) << pair);
          block->hmask[i % 32] |= static_cast<uint8_t>(q >> 2 << (i / 32));
        }
      },
      [](BlockQ3_K*) {});
}

}  // namespace

const QuantFormat kQ3_KFormat = {DType::kQ3_K, Decode, Encode};

}  // namespace autoglm

// Q6_K: 6-bit levels -32..31; super-blocks of 256 with 8-bit signed scales of 16 sub-blocks.
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace autoglm {

namespace {

void Decode(const std::byte* blocks, float* out, int64_t n) {
  DecodeBlocks<BlockQ6_K>(blocks, out, n, [](const BlockQ6_K& block, float* out) {
    const float d = HalfToFloat(block.d);
    for (int s = 0; s < 16; ++s) {
      const int group = s % 8 / 2;  // of 32 elements within the half of 128
      const uint8_t* ql = block.ql + s / 8 * 64 + group % 2 * 32 + s % 2 * 16;
      const uint8_t* qh = block.qh + s / 8 * 32 + s % 2 * 16;
      const int nibble = group / 2 * 4;
      const float scale = d * block.scales[s];
      for (int i = 0; i < 16; ++i) {
        const int q = (ql[i] >> nibble & 15) | (qh[i] >> (2 * group) & 3) << 4;
        out[16 * s + i] = scale * (q - 32);
      }
    }
  });
}

void Encode(const float* x, const float* importance, std::byte* blocks, int64_t n,
            const EncoderLoops& loops) {
  EncodeBlocks<BlockQ6_K>(
      x, importance, blocks, n, loops,
      [&](const EncoderInput<256>& input, BlockQ6_K* block) {
        const SuperBlockFit fit =
            FitScaledSuperBlock(loops, input.x, input.w, {-32, 31}, {-128, 127});
        block->d = fit.d;
        for (int s = 0; s < 16; ++s) block->scales[s] = fit.scales[s];
        for (int i = 0; i < 256; ++i) {
          const int q = fit.q[i] + 32, group = i % 128 / 32;
          block->ql[i / 128 * 64 + group % 2 * 32 + i % 32] |=
              static_cast<uint8_t>((q & 15) << (group / 2 * 4));
          block->qh[i / 128 * 32 + i % 32] |= static_cast<uint8_t>(q >> 4 << (2 * group));
        }
      },
      [](BlockQ6_K*) {});
}

}  // namespace

const QuantFormat kQ6_KFormat = {DType::kQ6_K, Decode, Encode};

}  // namespace autoglm

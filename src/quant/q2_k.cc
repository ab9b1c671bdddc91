// Q2_K: 2-bit levels; super-blocks of 256 with 4-bit scales and mins of 16 sub-blocks.
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace autoglm {

namespace {

void Decode(const std::byte* blocks, float* out, int64_t n) {
  DecodeBlocks<BlockQ2_K>(blocks, out, n, [](const BlockQ2_K& block, float* out) {
    const float d = HalfToFloat(block.d), dmin = HalfToFloat(block.dmin);
    for (int s = 0; s < 16; ++s) {
      const uint8_t* qs = block.qs + s / 8 * 32 + s % 2 * 16;
      const int shift = s % 8 / 2 * 2;
      const float scale = d * (block.scales[s] & 15), min = dmin * (block.scales[s] >> 4);
      for (int i = 0; i < 16; ++i) out[16 * s + i] = scale * (qs[i] >> shift & 3) - min;
    }
  });
}

void Encode(const float* x, const float* importance, std::byte* blocks, int64_t n,
            const EncoderLoops& loops) {
  EncodeBlocks<BlockQ2_K>(
      x, importance, blocks, n, loops,
      [&](const EncoderInput<256>& input, BlockQ2_K* block) {
        const SuperBlockFit fit = FitAffineSuperBlock(loops, input.x, input.w, 16, 3, 15);
        block->d = fit.d;
        block->dmin = fit.dmin;
        for (int s = 0; s < 16; ++s) {
          block->scales[s] = static_cast<uint8_t>(fit.scales[s] | fit.mins[s] << 4);
        }
        for (int i = 0; i < 64; ++i) {
          const int8_t* q = fit.q + i / 32 * 128 + i % 32;
          block->qs[i] = static_cast<uint8_t>(q[0] | q[32] << 2 | q[64] << 4 | q[96] << 6);
        }
      },
      [](BlockQ2_K*) {});
}

}  // namespace

const QuantFormat kQ2_KFormat = {DType::kQ2_K, Decode, Encode};

}  // namespace autoglm

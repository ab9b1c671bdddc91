// Q4_1: 4-bit levels 0..15, a scale and an offset for each 32 elements.
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace autoglm {

namespace {

constexpr Levels kLevels = {0, 15};

// d q is exact in float32 (11 + 4 bits), so that adding m rounds once, fused or not.
void Decode(const std::byte* blocks, float* out, int64_t n) {
  DecodeBlocks<BlockQ4_1>(blocks, out, n, [](const BlockQ4_1& block, float* out) {
    const float d = HalfToFloat(block.d), m = HalfToFloat(block.m);
    for (int i = 0; i < 16; ++i) out[i] = d * (block.qs[i] & 15) + m;
    for (int i = 0; i < 16; ++i) out[i + 16] = d * (block.qs[i] >> 4) + m;
  });
}

void Encode(const float* x, const float* importance, std::byte* blocks, int64_t n,
            const EncoderLoops& loops) {
  EncodeBlocks<BlockQ4_1>(
      x, importance, blocks, n, loops,
      [&](const EncoderInput<32>& input, BlockQ4_1* block) {
        const AffineFit fit =
            FitAffine(loops, input.x, input.w, 32, kLevels, /*offset_below_zero=*/false);
        block->d = FloatToFiniteHalf(fit.scale);
        block->m = FloatToFiniteHalf(fit.offset);
        int8_t q[32];
        loops.assign_levels(input.x, 32, HalfToFloat(block->d), HalfToFloat(block->m), kLevels, q);
        for (int i = 0; i < 16; ++i) block->qs[i] = static_cast<uint8_t>(q[i] | q[i + 16] << 4);
      },
      [](BlockQ4_1*) {});
}

}  // namespace

const QuantFormat kQ4_1Format = {DType::kQ4_1, Decode, Encode};

}  // namespace autoglm

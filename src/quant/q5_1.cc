// Q5_1: 5-bit levels 0..31, a scale and an offset for each 32 elements.
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace autoglm {

namespace {

constexpr Levels kLevels = {0, 31};

void Decode(const std::byte* blocks, float* out, int64_t n) {
  DecodeBlocks<BlockQ5_1>(blocks, out, n, [](const BlockQ5_1& block, float* out) {
    const float d = HalfToFloat(block.d), m = HalfToFloat(block.m);
    uint8_t q[32];
    UnpackFiveBits(block.qs, block.qh, q);
    for (int i = 0; i < 32; ++i) out[i] = d * q[i] + m;
  });
}

void Encode(const float* x, const float* importance, std::byte* blocks, int64_t n,
            const EncoderLoops& loops) {
  EncodeBlocks<BlockQ5_1>(
      x, importance, blocks, n, loops,
      [&](const EncoderInput<32>& input, BlockQ5_1* block) {
        const AffineFit fit =
            FitAffine(loops, input.x, input.w, 32, kLevels, /*offset_below_zero=*/false);
        block->d = FloatToFiniteHalf(fit.scale);
        block->m = FloatToFiniteHalf(fit.offset);
        int8_t q[32];
        loops.assign_levels(input.x, 32, HalfToFloat(block->d), HalfToFloat(block->m), kLevels, q);
        block->qh = PackFiveBits(q, block->qs);
      },
      [](BlockQ5_1*) {});
}

}  // namespace

const QuantFormat kQ5_1Format = {DType::kQ5_1, Decode, Encode};

}  // namespace autoglm

// Q5_0: 5-bit levels -16..15 and one scale for each 32 elements.
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace autoglm {

namespace {

constexpr Levels kLevels = {-16, 15};

void Decode(const std::byte* blocks, float* out, int64_t n) {
  DecodeBlocks<BlockQ5_0>(blocks, out, n, [](const BlockQ5_0& block, float* out) {
    const float d = HalfToFloat(block.d);
    uint8_t q[32];
    UnpackFiveBits(block.qs, block.qh, q);
    for (int i = 0; i < 32; ++i) out[i] = d * (q[i] - 16);
  });
}

void Encode(const float* x, const float* importance, std::byte* blocks, int64_t n,
            const EncoderLoops& loops) {
  EncodeBlocks<BlockQ5_0>(
      x, importance, blocks, n, loops,
      [&](const EncoderInput<32>& input, BlockQ5_0* block) {
        block->d = FloatToFiniteHalf(FitScale(loops, input.x, input.w, 32, kLevels));
        int8_t q[32];
        loops.assign_levels(input.x, 32, HalfToFloat(block->d), 0, kLevels, q);
        for (int8_t& level : q) level += 16;
        block->qh = PackFiveBits(q, block->qs);
      },
      [](BlockQ5_0* block) { block->qh = 0xFFFFFFFFu; });
}

}  // namespace

const QuantFormat kQ5_0Format = {DType::kQ5_0, Decode, Encode};

}  // namespace autoglm

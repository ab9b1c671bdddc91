// Q4_0: 4-bit levels -8..7 and one scale for each 32 elements.
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace autoglm {

namespace {

constexpr Levels kLevels = {-8, 7};

void Decode(const std::byte* blocks, float* out, int64_t n) {
  DecodeBlocks<BlockQ4_0>(blocks, out, n, [](const BlockQ4_0& block, float* out) {
    const float d = HalfToFloat(block.d);
    for (int i = 0; i < 16; ++i) out[i] = d * ((block.qs[i] & 15) - 8);
    for (int i = 0; i < 16; ++i) out[i + 16] = d * ((block.qs[i] >> 4) - 8);
  });
}

void Encode(const float* x, const float* importance, std::byte* blocks, int64_t n,
            const EncoderLoops& loops) {
  EncodeBlocks<BlockQ4_0>(
      x, importance, blocks, n, loops,
      [&](const EncoderInput<32>& input, BlockQ4_0* block) {
        block->d = FloatToFiniteHalf(FitScale(loops, input.x, input.w, 32, kLevels));
        int8_t q[32];
        loops.assign_levels(input.x, 32, HalfToFloat(block->d), 0, kLevels, q);
        for (int i = 0; i < 16; ++i) {
          block->qs[i] = static_cast<uint8_t>((q[i] + 8) | (q[i + 16] + 8) << 4);
        }
      },
      [](BlockQ4_0* block) {
        for (uint8_t& pair : block->qs) pair = 0x88;
      });
}

}  // namespace

const QuantFormat kQ4_0Format = {DType::kQ4_0, Decode, Encode};

}  // namespace autoglm

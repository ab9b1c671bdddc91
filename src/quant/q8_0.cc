// Q8_0: 8-bit levels and one scale for each 32 elements.
#include "quant/block_codec.h"
#include "quant/scale_search.h"

namespace autoglm {

namespace {

void Decode(const std::byte* blocks, float* out, int64_t n) {
  DecodeBlocks<BlockQ8_0>(blocks, out, n, [](const BlockQ8_0& block, float* out) {
    const float d = HalfToFloat(block.d);
    for (int i = 0; i < 32; ++i) out[i] = d * block.qs[i];
  });
}

// The largest element decides the scale: with 255 levels a search gains less than one part in 500.
void Encode(const float* x, const float* importance, std::byte* blocks, int64_t n,
            const EncoderLoops& loops) {
  EncodeBlocks<BlockQ8_0>(
      x, importance, blocks, n, loops,
      [&](const EncoderInput<32>& input, BlockQ8_0* block) {
        block->d = FloatToFiniteHalf(input.largest / 127.0f);
        int8_t q[32];
        loops.assign_levels(input.x, 32, HalfToFloat(block->d), 0, {-127, 127}, q);
        for (int i = 0; i < 32; ++i) block->qs[i] = q[i];
      },
      [](BlockQ8_0*) {});
}

}  // namespace

const QuantFormat kQ8_0Format = {DType::kQ8_0, Decode, Encode};

}  // namespace autoglm

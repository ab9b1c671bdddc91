// MXFP4: E2M1 numbers (a sign, two exponent bits, one of mantissa) with a shared power of two for
// each 32 elements. Source: OCP Microscaling Formats (MX) v1.0.
#include <bit>
#include <cmath>

#include "quant/block_codec.h"

namespace autoglm {

namespace {

// 2^(e - 128): subnormal for e < 2.
float Scale(int e) {
  return e < 2 ? std::bit_cast<float>(0x00200000u << e)
               : std::bit_cast<float>(static_cast<uint32_t>(e - 1) << 23);
}

void Decode(const std::byte* blocks, float* out, int64_t n) {
  DecodeBlocks<BlockMXFP4>(blocks, out, n, [](const BlockMXFP4& block, float* out) {
    const float d = Scale(block.e);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * kMxfp4Values[block.qs[i] & 15];
      out[i + 16] = d * kMxfp4Values[block.qs[i] >> 4];
    }
  });
}

// The index of the non-negative level nearest to `magnitude` in units of Scale(e): as many as there
// are midpoints below it.
int NearestLevel(float magnitude) {
  constexpr float kMidpoints[7] = {0.5f, 1.5f, 2.5f, 3.5f, 5.0f, 7.0f, 10.0f};
  int index = 0;
  for (float midpoint : kMidpoints) index += magnitude > midpoint;
  return index;
}

float ErrorWith(const EncoderInput<32>& input, int e) {
  const float d = Scale(e);
  const float inverse = 1.0f / d;
  float sum = 0;
  for (int i = 0; i < 32; ++i) {
    const float magnitude = std::fabs(input.x[i]);
    const float error = magnitude - d * kMxfp4Values[NearestLevel(magnitude * inverse)];
    sum += input.w[i] * error * error;
  }
  return sum;
}

void EncodeOne(const EncoderInput<32>& input, BlockMXFP4* block) {
  // With 2^k <= input.largest < 2^(k+1), the level 6 (12, doubled) at e = k + 125 is the first
  // exponent that has room for nearly all of it. One above and two below are tried too.
  const int first = std::ilogb(input.largest) + 125;
  int best = first;
  float best_error = ErrorWith(input, first);
  for (int e : {first + 1, first - 1, first - 2}) {
    const float error = ErrorWith(input, e);
    if (error < best_error) best_error = error, best = e;
  }
  block->e = static_cast<uint8_t>(best);
  const float inverse = 1.0f / Scale(best);
  for (int i = 0; i < 32; ++i) {
    const int index = NearestLevel(std::fabs(input.x[i]) * inverse);
    const int nibble = index != 0 && input.x[i] < 0 ? index | 8 : index;
    block->qs[i % 16] |= static_cast<uint8_t>(i < 16 ? nibble : nibble << 4);
  }
}

void Encode(const float* x, const float* importance, std::byte* blocks, int64_t n,
            const EncoderLoops& loops) {
  EncodeBlocks<BlockMXFP4>(x, importance, blocks, n, loops, EncodeOne, [](BlockMXFP4*) {});
}

}  // namespace

const QuantFormat kMXFP4Format = {DType::kMXFP4, Decode, Encode};

}  // namespace autoglm

// What every block format's file starts from: walking over blocks, and making any float32 input
// safe to search scales for.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/float16.h"
#include "quant/blocks.h"
#include "quant/quant_format.h"

namespace autoglm {

/// Calls decode_one(const Block&, float* out) for n / Block::kElements blocks.
template <typename Block, typename DecodeOne>
inline void DecodeBlocks(const std::byte* bytes, float* out, int64_t n, DecodeOne decode_one) {
  const Block* blocks = reinterpret_cast<const Block*>(bytes);
  for (int64_t i = 0; i < n / Block::kElements; ++i) {
    decode_one(blocks[i], out + i * Block::kElements);
  }
}

/// To the nearest whole number for |v| < 2^22, ties to even, in a form that vectorizes everywhere.
inline float RoundSmall(float v) {
  constexpr float kShift = 0x1.8p+23f;
  return (v + kShift) - kShift;
}

/// `low` for a NaN.
inline float ClampTo(float v, float low, float high) {
  v = v > low ? v : low;
  return v < high ? v : high;
}

/// What a level is divided by, as a factor; a scale of 0 makes every level 0.
inline float Reciprocal(float scale) { return scale == 0 ? 0.0f : 1.0f / scale; }

/// The elements of one block as the encoders see them: finite, and weighted.
template <int kN>
struct EncoderInput {
  float x[kN];    ///< |x| <= kMaxMagnitude; a NaN counts as 0
  float w[kN];    ///< > 0, about 1 on average; all 1 without importance
  float largest;  ///< magnitude in x
};

/// False if every |x| is below half the smallest step of a binary16 scale: then the block is zero,
/// and the encoders need not care for squares that underflow.
template <int kN>
bool LoadEncoderInput(const float* x, const float* importance, const EncoderLoops& loops,
                      EncoderInput<kN>* input) {
  input->largest = loops.load(x, kN, input->x);
  double mean = 0;
  if (importance != nullptr) {
    for (int i = 0; i < kN; ++i) mean += importance[i];
    mean /= kN;
  }
  if (mean > 1e-30 && mean < 1e30) {
    // A little above zero: where no weight is, the error still prefers to be small.
    for (int i = 0; i < kN; ++i) input->w[i] = static_cast<float>(importance[i] / mean) + 1e-6f;
  } else {
    for (float& w : input->w) w = 1.0f;
  }
  return input->largest > 0x1.0p-26f;
}

/// Calls encode_one(const EncoderInput&, Block*) per block, which finds its block zeroed. A block
/// of zeros gets encode_zero(Block*) instead.
template <typename Block, typename EncodeOne, typename EncodeZero>
inline void EncodeBlocks(const float* x, const float* importance, std::byte* bytes, int64_t n,
                         const EncoderLoops& loops, EncodeOne encode_one, EncodeZero encode_zero) {
  constexpr int kN = Block::kElements;
  Block* blocks = reinterpret_cast<Block*>(bytes);
  for (int64_t i = 0; i < n / kN; ++i) {
    EncoderInput<kN> input;
    blocks[i] = Block{};
    if (LoadEncoderInput(x + i * kN, importance ? importance + i * kN : nullptr, loops, &input)) {
      encode_one(input, &blocks[i]);
    } else {
      encode_zero(&blocks[i]);
    }
  }
}

/// The 5-bit levels of Q5_0 and Q5_1: a nibble each in qs, the fifth bits in qh.
inline void UnpackFiveBits(const uint8_t (&qs)[16], uint32_t qh, uint8_t (&q)[32]) {
  uint64_t fifth[4];  // 16 or 0 in each byte
  for (int i = 0; i < 4; ++i) {
    // The byte is copied to all eight, each keeps its own bit, and adding 127 moves it to the top.
    const uint64_t copies = (qh >> (8 * i) & 0xFF) * 0x0101010101010101u & 0x8040201008040201u;
    fifth[i] = ((copies + 0x7F7F7F7F7F7F7F7Fu) & 0x8080808080808080u) >> 3;
  }
  uint8_t high[32];
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(high, fifth, sizeof(high));
  for (int i = 0; i < 16; ++i) {
    q[i] = static_cast<uint8_t>((qs[i] & 15) | high[i]);
    q[i + 16] = static_cast<uint8_t>((qs[i] >> 4) | high[i + 16]);
  }
}

/// The reverse, for levels 0..31; returns qh.
inline uint32_t PackFiveBits(const int8_t (&q)[32], uint8_t (&qs)[16]) {
  uint32_t qh = 0;
  for (int i = 0; i < 16; ++i) {
    qs[i] = static_cast<uint8_t>((q[i] & 15) | (q[i + 16] & 15) << 4);
    qh |= static_cast<uint32_t>(q[i] >> 4) << i | static_cast<uint32_t>(q[i + 16] >> 4) << (i + 16);
  }
  return qh;
}

/// The nearest binary16 that is finite.
inline uint16_t FloatToFiniteHalf(float f) {
  f = f < 65504.0f ? f : 65504.0f;
  return FloatToHalf(f > -65504.0f ? f : -65504.0f);
}

}  // namespace autoglm

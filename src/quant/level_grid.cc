#include "quant/level_grid.h"

#include <algorithm>
#include <cmath>

#include "base/float16.h"
#include "quant/block_codec.h"

namespace autoglm {

namespace {

template <typename Block>
const Block& As(const std::byte* block) {
  return *reinterpret_cast<const Block*>(block);
}

template <typename Block>
Block& As(std::byte* block) {
  return *reinterpret_cast<Block*>(block);
}

LevelGrid Uniform(int lowest, int highest, uint16_t d, uint16_t m) {
  LevelGrid grid;
  grid.lowest = lowest;
  grid.highest = highest;
  std::fill_n(grid.scale, 32, HalfToFloat(d));
  std::fill_n(grid.offset, 32, HalfToFloat(m));
  return grid;
}

// Of Q4_K and Q5_K.
template <typename Block>
LevelGrid ScalesAndMins(const Block& block, int highest) {
  uint8_t scales[8], mins[8];
  UnpackScaleMins(block.scales, scales, mins);
  const float d = HalfToFloat(block.d), dmin = HalfToFloat(block.dmin);
  LevelGrid grid;
  grid.highest = highest;
  for (int i = 0; i < kSuperBlock; ++i) {
    grid.scale[i] = d * scales[i / 32];
    grid.offset[i] = -(dmin * mins[i / 32]);
  }
  return grid;
}

LevelGrid Scales(const BlockQ6_K& block) {
  const float d = HalfToFloat(block.d);
  LevelGrid grid;
  grid.lowest = -32;
  grid.highest = 31;
  for (int i = 0; i < kSuperBlock; ++i) grid.scale[i] = d * block.scales[i / 16];
  return grid;
}

// Two levels of 0..15 in a byte: q[i] and q[i + 16].
void PackNibbles(const int8_t* q, int bias, uint8_t (&qs)[16]) {
  for (int i = 0; i < 16; ++i) {
    qs[i] = static_cast<uint8_t>((q[i] + bias) | (q[i + 16] + bias) << 4);
  }
}

// Of Q5_0 and Q5_1; returns qh.
uint32_t PackFive(const int8_t* q, int bias, uint8_t (&qs)[16]) {
  int8_t biased[32];
  for (int i = 0; i < 32; ++i) biased[i] = static_cast<int8_t>(q[i] + bias);
  return PackFiveBits(biased, qs);
}

// The low nibbles of Q4_K and Q5_K: q[i] and q[i + 32] of each 64.
void PackNibblesK(const int8_t* q, uint8_t (&qs)[128]) {
  for (int i = 0; i < 128; ++i) {
    const int8_t* pair = q + i / 32 * 64 + i % 32;
    qs[i] = static_cast<uint8_t>((pair[0] & 15) | (pair[32] & 15) << 4);
  }
}

void PackQ6_K(const int8_t* levels, BlockQ6_K* block) {
  std::fill_n(block->ql, sizeof(block->ql), uint8_t{0});
  std::fill_n(block->qh, sizeof(block->qh), uint8_t{0});
  for (int i = 0; i < kSuperBlock; ++i) {
    const int q = levels[i] + 32, group = i % 128 / 32;
    block->ql[i / 128 * 64 + group % 2 * 32 + i % 32] |=
        static_cast<uint8_t>((q & 15) << (group / 2 * 4));
    block->qh[i / 128 * 32 + i % 32] |= static_cast<uint8_t>(q >> 4 << (2 * group));
  }
}

void PackFifthBits(const int8_t* q, uint8_t (&qh)[32]) {
  std::fill_n(qh, 32, uint8_t{0});
  for (int i = 0; i < kSuperBlock; ++i) {
    qh[i % 32] |= static_cast<uint8_t>(q[i] >> 4 << (i / 32));
  }
}

}  // namespace

int LevelGrid::Nearest(int i, float value) const {
  if (scale[i] == 0) return std::clamp(0, lowest, highest);
  const float level = std::nearbyint((value - offset[i]) / scale[i]);
  return static_cast<int>(
      std::clamp(level, static_cast<float>(lowest), static_cast<float>(highest)));
}

bool HasLevelGrid(DType dtype) {
  switch (dtype) {
    case DType::kQ4_0:
    case DType::kQ4_1:
    case DType::kQ5_0:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
    case DType::kQ6_K:
      return true;
    default:
      return false;
  }
}

LevelGrid ReadLevelGrid(DType dtype, const std::byte* block) {
  switch (dtype) {
    case DType::kQ4_0:
      return Uniform(-8, 7, As<BlockQ4_0>(block).d, 0);
    case DType::kQ4_1:
      return Uniform(0, 15, As<BlockQ4_1>(block).d, As<BlockQ4_1>(block).m);
    case DType::kQ5_0:
      return Uniform(-16, 15, As<BlockQ5_0>(block).d, 0);
    case DType::kQ5_1:
      return Uniform(0, 31, As<BlockQ5_1>(block).d, As<BlockQ5_1>(block).m);
    case DType::kQ4_K:
      return ScalesAndMins(As<BlockQ4_K>(block), 15);
    case DType::kQ5_K:
      return ScalesAndMins(As<BlockQ5_K>(block), 31);
    case DType::kQ6_K:
      return Scales(As<BlockQ6_K>(block));
    default:
      return {};
  }
}

void WriteLevels(DType dtype, const int8_t* q, std::byte* block) {
  switch (dtype) {
    case DType::kQ4_0:
      return PackNibbles(q, 8, As<BlockQ4_0>(block).qs);
    case DType::kQ4_1:
      return PackNibbles(q, 0, As<BlockQ4_1>(block).qs);
    case DType::kQ5_0:
      As<BlockQ5_0>(block).qh = PackFive(q, 16, As<BlockQ5_0>(block).qs);
      return;
    case DType::kQ5_1:
      As<BlockQ5_1>(block).qh = PackFive(q, 0, As<BlockQ5_1>(block).qs);
      return;
    case DType::kQ4_K:
      return PackNibblesK(q, As<BlockQ4_K>(block).qs);
    case DType::kQ5_K:
      PackNibblesK(q, As<BlockQ5_K>(block).qs);
      return PackFifthBits(q, As<BlockQ5_K>(block).qh);
    case DType::kQ6_K:
      return PackQ6_K(q, &As<BlockQ6_K>(block));
    default:
      return;
  }
}

}  // namespace autoglm

// Decoding of blocks that were computed by hand from the layouts in blocks.h.
#include "quant/blocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "quant/quant_format.h"

namespace autoglm {
namespace {

constexpr uint16_t kHalfOne = 0x3C00, kHalfTwo = 0x4000, kHalfQuarter = 0x3400;

template <typename Block>
std::vector<float> Decoded(DType dtype, const Block& block) {
  std::vector<float> out(Block::kElements);
  Format(dtype).decode(reinterpret_cast<const std::byte*>(&block), out.data(), Block::kElements);
  return out;
}

TEST(Blocks, Q4_0TakesLowNibblesFirstAndSubtractsEight) {
  BlockQ4_0 block = {};
  block.d = kHalfTwo;
  block.qs[0] = 0xF0;
  block.qs[15] = 0x3A;
  const auto x = Decoded(DType::kQ4_0, block);
  EXPECT_EQ(x[0], 2 * (0 - 8));
  EXPECT_EQ(x[16], 2 * (15 - 8));
  EXPECT_EQ(x[15], 2 * (10 - 8));
  EXPECT_EQ(x[31], 2 * (3 - 8));
  EXPECT_EQ(x[1], 2 * -8);
}

TEST(Blocks, Q4_1AddsTheOffset) {
  BlockQ4_1 block = {};
  block.d = kHalfQuarter;
  block.m = 0xC000;  // -2
  block.qs[3] = 0x9C;
  const auto x = Decoded(DType::kQ4_1, block);
  EXPECT_EQ(x[3], 0.25f * 12 - 2);
  EXPECT_EQ(x[19], 0.25f * 9 - 2);
  EXPECT_EQ(x[0], -2);
}

TEST(Blocks, Q5_0TakesTheFifthBitFromTheWord) {
  BlockQ5_0 block = {};
  block.d = kHalfOne;
  block.qs[2] = 0x71;
  block.qh = 1u << 2 | 1u << 31;
  const auto x = Decoded(DType::kQ5_0, block);
  EXPECT_EQ(x[2], 17 - 16);
  EXPECT_EQ(x[18], 7 - 16);
  EXPECT_EQ(x[31], 16 - 16);
  EXPECT_EQ(x[30], 0 - 16);
}

TEST(Blocks, Q5_1AddsTheOffset) {
  BlockQ5_1 block = {};
  block.d = kHalfTwo;
  block.m = kHalfOne;
  block.qs[15] = 0xF1;
  block.qh = 1u << 31;
  const auto x = Decoded(DType::kQ5_1, block);
  EXPECT_EQ(x[15], 2 * 1 + 1);
  EXPECT_EQ(x[31], 2 * 31 + 1);
}

TEST(Blocks, Q8_0IsSigned) {
  BlockQ8_0 block = {};
  block.d = kHalfQuarter;
  block.qs[0] = -128;
  block.qs[31] = 127;
  const auto x = Decoded(DType::kQ8_0, block);
  EXPECT_EQ(x[0], -32);
  EXPECT_EQ(x[31], 31.75f);
}

TEST(Blocks, Q2_KReadsPairsOfBitsPerGroupOf32) {
  BlockQ2_K block = {};
  block.d = kHalfTwo;
  block.dmin = kHalfQuarter;
  block.scales[0] = 0x53;   // elements 0..15: scale 3, min 5
  block.scales[3] = 0x07;   // 48..63
  block.scales[15] = 0xF1;  // 240..255
  block.qs[0] = 0b00000010;
  block.qs[17] = 0b00001100;  // the second group of 32, its element 17
  block.qs[63] = 0b11000000;  // the last element
  const auto x = Decoded(DType::kQ2_K, block);
  EXPECT_EQ(x[0], 2 * 3 * 2 - 0.25f * 5);
  EXPECT_EQ(x[1], -0.25f * 5);
  EXPECT_EQ(x[49], 2 * 7 * 3);
  EXPECT_EQ(x[255], 2 * 1 * 3 - 0.25f * 15);
}

TEST(Blocks, Q3_KCombinesTwoBitsAndTheMask) {
  BlockQ3_K block = {};
  block.d = kHalfOne;
  int8_t scales[16] = {};
  scales[0] = -32;
  scales[9] = 31;
  scales[15] = 5;
  PackScalesQ3_K(scales, block.scales);
  block.qs[0] = 0b11;
  block.hmask[0] = 1;            // element 0: 3 + 4
  block.qs[32 + 16] = 0b10;      // element 144 (sub-block 9): 2, no mask bit
  block.hmask[31] = 0b10000000;  // element 255: 0 + 4
  const auto x = Decoded(DType::kQ3_K, block);
  EXPECT_EQ(x[0], -32 * 3);
  EXPECT_EQ(x[1], -32 * -4);
  EXPECT_EQ(x[144], 31 * -2);
  EXPECT_EQ(x[255], 0);
  EXPECT_EQ(x[254], 5 * -4);
}

TEST(Blocks, Q4_KSplitsNibblesPerGroupOf64) {
  BlockQ4_K block = {};
  block.d = kHalfQuarter;
  block.dmin = kHalfOne;
  block.scales[0] = 0b10'000011;  // scale 0 = 3; upper bits of scale 4 = 2
  block.scales[4] = 0b01'111111;  // min 0 = 63; upper bits of min 4 = 1
  block.scales[8] = 0x5C;         // scale 4 = 2 << 4 | 12, min 4 = 1 << 4 | 5
  block.qs[0] = 0xAF;
  block.qs[64] = 0x02;
  const auto x = Decoded(DType::kQ4_K, block);
  EXPECT_EQ(x[0], 0.25f * 3 * 15 - 63);
  EXPECT_EQ(x[1], -63);
  EXPECT_EQ(x[32], 0);  // sub-block 1 has scale and min 0
  EXPECT_EQ(x[128], 0.25f * 44 * 2 - 21);
}

TEST(Blocks, Q5_KTakesTheFifthBitOfSubBlockFromItsBit) {
  BlockQ5_K block = {};
  block.d = kHalfOne;
  block.scales[1] = 2;  // sub-block 1
  block.qs[5] = 0x30;
  block.qh[5] = 0b10;
  block.qh[6] = 0b01;
  const auto x = Decoded(DType::kQ5_K, block);
  EXPECT_EQ(x[37], 2 * (16 + 3));
  EXPECT_EQ(x[38], 0);
}

TEST(Blocks, Q6_KInterleavesNibblesAndPairs) {
  BlockQ6_K block = {};
  block.d = kHalfTwo;
  block.scales[0] = 1;
  block.scales[2] = -128;  // elements 32..47
  block.scales[15] = 127;
  block.ql[0] = 0x0F;
  block.qh[0] = 0b00000011;   // element 0: 63
  block.ql[32] = 0x01;        // element 32: 1
  block.ql[127] = 0xE0;       // element 255, low nibble 14
  block.qh[63] = 0b10000000;  // and 2 << 4
  const auto x = Decoded(DType::kQ6_K, block);
  EXPECT_EQ(x[0], 2 * (63 - 32));
  EXPECT_EQ(x[1], 2 * -32);
  EXPECT_EQ(x[32], 2 * -128 * (1 - 32));
  EXPECT_EQ(x[255], 2 * 127 * (46 - 32));
}

TEST(Blocks, IQ4TypesLookLevelsUp) {
  BlockIQ4_NL nl = {};
  nl.d = kHalfTwo;
  nl.qs[1] = 0xF8;
  const auto x = Decoded(DType::kIQ4_NL, nl);
  EXPECT_EQ(x[1], 2 * 1);
  EXPECT_EQ(x[17], 2 * 113);
  EXPECT_EQ(x[0], 2 * -127);

  BlockIQ4_XS xs = {};
  xs.d = kHalfOne;
  xs.scales_l[3] = 0x70;      // sub-block 7: low 7
  xs.scales_h = 0b11u << 14;  // high 3: 55 - 32
  xs.qs[127] = 0x90;
  const auto y = Decoded(DType::kIQ4_XS, xs);
  EXPECT_EQ(y[255], (55 - 32) * 13);
  EXPECT_EQ(y[0], -32 * -127);
}

TEST(Blocks, MXFP4ScalesByAPowerOfTwo) {
  BlockMXFP4 block = {};
  block.e = 127;  // 2^0; the table is doubled
  block.qs[0] = 0xF7;
  block.qs[1] = 0x91;
  const auto x = Decoded(DType::kMXFP4, block);
  EXPECT_EQ(x[0], 6);
  EXPECT_EQ(x[16], -6);
  EXPECT_EQ(x[1], 0.5f);
  EXPECT_EQ(x[17], -0.5f);
  for (int e : {0, 1, 2, 254, 255}) {
    block.e = static_cast<uint8_t>(e);
    EXPECT_EQ(Decoded(DType::kMXFP4, block)[1], std::ldexp(1.0f, e - 128)) << e;
  }
}

TEST(Blocks, PackedScalesUnpackToThemselves) {
  int8_t scales[8], mins[8], signed_scales[16], unpacked_signed[16];
  uint8_t packed[12], unpacked_scales[8], unpacked_mins[8];
  for (int start = 0; start < 64; ++start) {
    for (int i = 0; i < 8; ++i) {
      scales[i] = static_cast<int8_t>((start + 11 * i) % 64);
      mins[i] = static_cast<int8_t>((start + 5 + 29 * i) % 64);
    }
    for (int i = 0; i < 16; ++i) {
      signed_scales[i] = static_cast<int8_t>((start + 7 * i) % 64 - 32);
    }
    PackScaleMins(scales, mins, packed);
    UnpackScaleMins(packed, unpacked_scales, unpacked_mins);
    for (int i = 0; i < 8; ++i) {
      ASSERT_EQ(unpacked_scales[i], scales[i]);
      ASSERT_EQ(unpacked_mins[i], mins[i]);
    }
    PackScalesQ3_K(signed_scales, packed);
    UnpackScalesQ3_K(packed, unpacked_signed);
    for (int i = 0; i < 16; ++i) ASSERT_EQ(unpacked_signed[i], signed_scales[i]);
  }
}

}  // namespace
}  // namespace autoglm

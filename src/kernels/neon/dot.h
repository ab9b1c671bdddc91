// Products of bytes in NEON of ARMv8.0, where a multiplication gives eight products of 16 bits.
// Activations are within 127, so 16 bits hold the sum of four products with codes up to 63 and of
// two with signed codes (2 * 128 * 127); then pairs are added to sums of 32 bits.
#pragma once

#include "kernels/neon/vec.h"
#include "kernels/vector/unroll.h"

namespace autoglm {
namespace {

inline constexpr int kGemmPanels = 2;       // panels of kLanes rows in one register tile
inline constexpr int kGemmTokens = 4;       // tokens beside them
inline constexpr int kGemmTokensSub16 = 4;  // the same where each 32 elements have two scales

/// Of one row: four partial sums of kN times 16 products.
template <typename Q, int kN>
inline I32 DotRow(const int8x16_t (&codes)[kN], const int8x16_t (&x)[kN]) {
  constexpr int kVectorsAtOnce = Q::kSigned ? 1 : 2;  // of 16 codes, until 16 bits are full
  I32 sum = ZeroI();
  AUTOGLM_UNROLL for (int i = 0; i < kN; i += kVectorsAtOnce) {
    int16x8_t products = vmull_s8(vget_low_s8(codes[i]), vget_low_s8(x[i]));
    products = vmlal_high_s8(products, codes[i], x[i]);
    if constexpr (kVectorsAtOnce == 2 && kN == 2) {
      products = vmlal_s8(products, vget_low_s8(codes[1]), vget_low_s8(x[1]));
      products = vmlal_high_s8(products, codes[1], x[1]);
    }
    sum = i == 0 ? vpaddlq_s16(products) : vpadalq_s16(sum, products);
  }
  return sum;
}

/// As in vector/dots.h.
template <typename Q, int kN, int kVectors>
inline I32 DotRows(const U8 (&codes)[4][kVectors], int first, const U8 (&x)[kN]) {
  I32 partial[4];
  int8x16_t columns[kN];
  AUTOGLM_UNROLL for (int i = 0; i < kN; ++i) columns[i] = AsS8(x[i]);
  AUTOGLM_UNROLL for (int g = 0; g < 4; ++g) {
    int8x16_t row[kN];
    AUTOGLM_UNROLL for (int i = 0; i < kN; ++i) row[i] = AsS8(codes[g][first + i]);
    partial[g] = DotRow<Q, kN>(row, columns);
  }
  return Reduce(partial);
}

/// As in vector/quad_tile.h; rows stay rows.
inline void PackGroups(const U8 (&groups)[4], std::byte* out) {
  AUTOGLM_UNROLL for (int g = 0; g < 4; ++g) StoreU8(out + 16 * g, groups[g]);
}

template <typename Q, int kN, int kT, int kR>
inline void DotTile(const std::byte* const (&panels)[kR], const int8_t* const (&x)[kT],
                    I32 (&dots)[kT][kR]) {
  int8x16_t columns[kT][kN];
  AUTOGLM_UNROLL for (int t = 0; t < kT; ++t) {
    AUTOGLM_UNROLL for (int i = 0; i < kN; ++i) columns[t][i] = vld1q_s8(x[t] + 16 * i);
  }
  AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) {
    I32 pairs[2][kT];  // of rows: two partial sums of each
    AUTOGLM_UNROLL for (int g = 0; g < 4; ++g) {
      int8x16_t row[kN];
      AUTOGLM_UNROLL for (int i = 0; i < kN; ++i) {
        row[i] = AsS8(LoadU8(panels[r] + 64 * i + 16 * g));
      }
      AUTOGLM_UNROLL for (int t = 0; t < kT; ++t) {
        const I32 sums = DotRow<Q, kN>(row, columns[t]);
        pairs[g / 2][t] = g % 2 == 0 ? sums : vpaddq_s32(pairs[g / 2][t], sums);
      }
    }
    AUTOGLM_UNROLL for (int t = 0; t < kT; ++t) {
      dots[t][r] = AddI(dots[t][r], vpaddq_s32(pairs[0][t], pairs[1][t]));
    }
  }
}

}  // namespace
}  // namespace autoglm

// The integer product's tile in smmla (FEAT_I8MM): two rows by two tokens of eight columns each, 32
// products in one instruction. The rest is neon_dotprod's.
#pragma once

#include "kernels/neon_dotprod/dot.h"

namespace autoglm {
namespace {

inline constexpr int kGemmPanels = 2;       // panels of kLanes rows in one register tile
inline constexpr int kGemmTokens = 4;       // tokens beside them
inline constexpr int kGemmTokensSub16 = 4;  // the same where each 32 elements have two scales

inline int64x2_t AsPairs(U8 x) { return vreinterpretq_s64_u8(x); }
inline int8x16_t AsS8(int64x2_t x) { return vreinterpretq_s8_s64(x); }

/// As in vector/quad_tile.h: rows 0 and 1, rows 2 and 3 of columns 0..7, then of 8..15.
inline void PackGroups(const U8 (&groups)[4], std::byte* out) {
  AUTOGLM_UNROLL for (int i = 0; i < 2; ++i) {
    const int64x2_t a = AsPairs(groups[2 * i]), b = AsPairs(groups[2 * i + 1]);
    StoreU8(out + 16 * i, vreinterpretq_u8_s64(vzip1q_s64(a, b)));
    StoreU8(out + 32 + 16 * i, vreinterpretq_u8_s64(vzip2q_s64(a, b)));
  }
}

// Two tokens, kN times 16 columns of one panel.
template <int kN>
inline void DotTokenPair(const std::byte* panel, const int8x16_t (&x)[kN][2], I32* first,
                         I32* second) {
  // {row 0 token 0, row 0 token 1, row 1 token 0, row 1 token 1}, and the same of rows 2 and 3.
  I32 upper = vzip1q_s32(*first, *second), lower = vzip2q_s32(*first, *second);
  AUTOGLM_UNROLL for (int i = 0; i < kN; ++i) {
    AUTOGLM_UNROLL for (int half = 0; half < 2; ++half) {
      const std::byte* at = panel + 64 * i + 32 * half;
      upper = vmmlaq_s32(upper, AsS8(LoadU8(at)), x[i][half]);
      lower = vmmlaq_s32(lower, AsS8(LoadU8(at + 16)), x[i][half]);
    }
  }
  *first = vuzp1q_s32(upper, lower);
  *second = vuzp2q_s32(upper, lower);
}

// One token: each row's eight columns give two sums.
template <int kN>
inline I32 DotToken(const std::byte* panel, const int8_t* x, I32 acc) {
  I32 upper = ZeroI(), lower = ZeroI();
  AUTOGLM_UNROLL for (int i = 0; i < 2 * kN; ++i) {
    const int8x16_t columns = vcombine_s8(vld1_s8(x + 8 * i), vld1_s8(x + 8 * i));
    upper = vdotq_s32(upper, AsS8(LoadU8(panel + 32 * i)), columns);
    lower = vdotq_s32(lower, AsS8(LoadU8(panel + 32 * i + 16)), columns);
  }
  return AddI(acc, vpaddq_s32(upper, lower));
}

template <typename Q, int kN, int kT, int kR>
inline void DotTile(const std::byte* const (&panels)[kR], const int8_t* const (&x)[kT],
                    I32 (&dots)[kT][kR]) {
  AUTOGLM_UNROLL for (int t = 0; t + 2 <= kT; t += 2) {
    int8x16_t columns[kN][2];
    AUTOGLM_UNROLL for (int i = 0; i < kN; ++i) {
      const int64x2_t a = vreinterpretq_s64_s8(vld1q_s8(x[t] + 16 * i));
      const int64x2_t b = vreinterpretq_s64_s8(vld1q_s8(x[t + 1] + 16 * i));
      columns[i][0] = AsS8(vzip1q_s64(a, b));
      columns[i][1] = AsS8(vzip2q_s64(a, b));
    }
    AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) {
      DotTokenPair(panels[r], columns, &dots[t][r], &dots[t + 1][r]);
    }
  }
  if constexpr (kT % 2 != 0) {
    AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) {
      dots[kT - 1][r] = DotToken<kN>(panels[r], x[kT - 1], dots[kT - 1][r]);
    }
  }
}

}  // namespace
}  // namespace autoglm

// The integer product's tile in sdot by lane: one load holds 16 activations of a token, and nothing
// is broadcast. 2 panels by 6 tokens: 12 sums of the block and 12 of the row, 6 vectors of
// activations and 2 of codes are the 32 registers that there are.
#pragma once

#include "kernels/neon_dotprod/dot.h"

namespace autoglm {
namespace {

inline constexpr int kGemmPanels = 2;       // panels of kLanes rows in one register tile
inline constexpr int kGemmTokens = 6;       // tokens beside them
inline constexpr int kGemmTokensSub16 = 4;  // the same where each 32 elements have two scales

/// As in vector/quad_tile.h.
inline void PackGroups(const U8 (&groups)[4], std::byte* out) {
  I32 lanes[4];
  Transpose(groups, lanes);
  AUTOGLM_UNROLL for (int i = 0; i < 4; ++i) StoreU8(out + 16 * i, AsU8(lanes[i]));
}

// Four columns: those of lane kLane of x.
template <int kLane, int kT, int kR>
inline void DotLane(const std::byte* const (&panels)[kR], int64_t at, const int8x16_t (&x)[kT],
                    I32 (&dots)[kT][kR]) {
  AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) {
    const int8x16_t codes = AsS8(LoadU8(panels[r] + at));
    AUTOGLM_UNROLL for (int t = 0; t < kT; ++t) {
      dots[t][r] = vdotq_laneq_s32(dots[t][r], codes, x[t], kLane);
    }
  }
}

template <typename Q, int kN, int kT, int kR>
inline void DotTile(const std::byte* const (&panels)[kR], const int8_t* const (&x)[kT],
                    I32 (&dots)[kT][kR]) {
  AUTOGLM_UNROLL for (int i = 0; i < kN; ++i) {
    int8x16_t columns[kT];
    AUTOGLM_UNROLL for (int t = 0; t < kT; ++t) columns[t] = vld1q_s8(x[t] + 16 * i);
    DotLane<0>(panels, 64 * i, columns, dots);
    DotLane<1>(panels, 64 * i + 16, columns, dots);
    DotLane<2>(panels, 64 * i + 32, columns, dots);
    DotLane<3>(panels, 64 * i + 48, columns, dots);
  }
}

}  // namespace
}  // namespace autoglm

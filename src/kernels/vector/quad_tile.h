// How panels are packed and multiplied, out of Dot(), DotSigned() and SplatQuad(): four columns of
// kLanes rows at a time. An instruction set that has something better declares PackGroups() and
// DotTile() itself and leaves this file out.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/vector/dots.h"

namespace autoglm {
namespace {

/// Writes 16 columns of kLanes rows to a panel: 16 * kLanes bytes, in the order of DotTile().
inline void PackGroups(const U8 (&groups)[4], std::byte* out) {
  I32 lanes[4];
  Transpose(groups, lanes);
  AUTOGLM_UNROLL for (int i = 0; i < 4; ++i) {
    StoreU8(out + i * static_cast<int>(sizeof(U8)), AsU8(lanes[i]));
  }
}

/// Adds the products of kN times 16 columns to dots: those of panel r, as packed at panels[r], with
/// those of token t at x[t].
template <typename Q, int kN, int kT, int kR>
inline void DotTile(const std::byte* const (&panels)[kR], const int8_t* const (&x)[kT],
                    I32 (&dots)[kT][kR]) {
  AUTOGLM_UNROLL for (int i = 0; i < 4 * kN; ++i) {
    U8 codes[kR];
    AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) {
      codes[r] = LoadU8(panels[r] + i * static_cast<int>(sizeof(U8)));
    }
    AUTOGLM_UNROLL for (int t = 0; t < kT; ++t) {
      const U8 quad = SplatQuad(x[t] + 4 * i);
      AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) {
        dots[t][r] = DotOf<Q>(dots[t][r], codes[r], quad);
      }
    }
  }
}

}  // namespace
}  // namespace autoglm

// The integer product in stored order, out of Dot() and DotSigned(). An instruction set that has
// something better declares DotRows() itself and leaves this file out.
#pragma once

#include "kernels/vector/unroll.h"

namespace autoglm {
namespace {

template <typename Q>
inline I32 DotOf(I32 acc, U8 codes, U8 x) {
  return Q::kSigned ? DotSigned(acc, codes, x) : Dot(acc, codes, x);
}

/// The sums of kN vectors of 16 columns, which for the rows of group g begin at codes[g][first].
/// Row r in lane r.
template <typename Q, int kN, int kVectors>
inline I32 DotRows(const U8 (&codes)[4][kVectors], int first, const U8 (&x)[kN]) {
  I32 partial[4];
  AUTOGLM_UNROLL for (int g = 0; g < 4; ++g) {
    partial[g] = ZeroI();
    AUTOGLM_UNROLL for (int i = 0; i < kN; ++i) {
      partial[g] = DotOf<Q>(partial[g], codes[g][first + i], x[i]);
    }
  }
  return Reduce(partial);
}

}  // namespace
}  // namespace autoglm

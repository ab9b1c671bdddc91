// Products of bytes in ARMv8.2's sdot (FEAT_DotProd): four products a lane, signed by signed.
#pragma once

#include "kernels/neon/vec.h"

namespace autoglm {
namespace {

// acc + the four products in each lane.
inline I32 Dot(I32 acc, U8 codes, U8 x) { return vdotq_s32(acc, AsS8(codes), AsS8(x)); }
inline I32 DotSigned(I32 acc, U8 codes, U8 x) { return Dot(acc, codes, x); }

}  // namespace
}  // namespace autoglm

#include "kernels/vector/dots.h"

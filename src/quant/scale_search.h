// Finding the scales (and offsets) with which a few values are written as small whole numbers at
// the least weighted squared error: sum w (x - (scale q + offset))^2. Given the levels q, the best
// scale and offset are a linear least-squares problem; given scale and offset, the best levels are
// a rounding. The search alternates the two from several starts at once (Lloyd's method on an
// equidistant codebook) and keeps the best.
#pragma once

#include <cstdint>

#include "quant/encoder_loops.h"

namespace autoglm {

/// The scale for x ~ scale * q; negative where that makes better use of levels that are not
/// symmetric. Needs lowest < 0. Finite x, w >= 0 with a positive sum; 0 if every x is.
/// `n` is a multiple of 16, here and below.
float FitScale(const EncoderLoops& loops, const float* x, const float* w, int n, Levels levels);

/// Scale and offset for x ~ scale * q + offset, with lowest = 0 and n <= 32. With
/// `offset_below_zero` the offset is at most 0, as the K types store it.
AffineFit FitAffine(const EncoderLoops& loops, const float* x, const float* w, int n, Levels levels,
                    bool offset_below_zero);

/// A super-block's result: q of all 256 elements, whole scales (and mins) of its sub-blocks, and
/// the binary16 factors of those.
struct SuperBlockFit {
  uint16_t d = 0, dmin = 0;
  int8_t scales[16] = {};
  int8_t mins[16] = {};
  int8_t q[256] = {};
};

/// x ~ d * scale * q of 16 sub-blocks of 16; scales within `scale_levels`.
SuperBlockFit FitScaledSuperBlock(const EncoderLoops& loops, const float* x, const float* w,
                                  Levels levels, Levels scale_levels);

/// x ~ d * scale * q - dmin * min of 256 / sub_block sub-blocks; scales and mins in 0..max_scale,
/// q in 0..max_level.
SuperBlockFit FitAffineSuperBlock(const EncoderLoops& loops, const float* x, const float* w,
                                  int sub_block, int max_level, int max_scale);

}  // namespace autoglm

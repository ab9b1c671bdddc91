// What a block can still say once its scales are fixed: every element takes one of a few evenly
// spaced values. For those who choose the levels themselves (error correction, straight-through
// training) and leave scales and bits to the formats.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/blocks.h"
#include "tensor/dtype.h"

namespace autoglm {

/// Element i is scale[i] * q + offset[i] with a whole number lowest <= q <= highest, exactly as the
/// format decodes it.
struct LevelGrid {
  int lowest = 0, highest = 0;
  float scale[kSuperBlock] = {};
  float offset[kSuperBlock] = {};

  /// The level nearest to `value`; where the scale is 0, the one nearest to 0.
  int Nearest(int i, float value) const;
  float Value(int i, int q) const { return scale[i] * static_cast<float>(q) + offset[i]; }
};

/// True for the types that the functions below know: Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K.
bool HasLevelGrid(DType dtype);

/// The grid of one encoded block. `dtype` has one.
LevelGrid ReadLevelGrid(DType dtype, const std::byte* block);

/// Puts the levels q [block_elements], each within the grid, into `block`, whose scales stay.
void WriteLevels(DType dtype, const int8_t* q, std::byte* block);

}  // namespace autoglm

// One block format per file: its layout, scalar encode and decode, and the descriptor by which the
// rest of the program reaches it. Layouts are those of GGUF (the ggml project's specification).
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/encoder_loops.h"
#include "tensor/dtype.h"

namespace autoglm {

/// How one DType turns into floats and back. Both functions work on whole blocks: `n` is a
/// multiple of the type's block_elements. Threads: pure, callable from any.
struct QuantFormat {
  DType dtype;
  /// out[0..n) = the values that the blocks stand for. Exact in float32 arithmetic order: every
  /// backend's truth.
  void (*decode)(const std::byte* blocks, float* out, int64_t n);
  /// Writes n / block_elements blocks. `importance` is null or n weights >= 0 by which squared
  /// errors count (an importance matrix). Null where the type cannot be encoded. Any input gives
  /// finite blocks: values beyond the type's range saturate and a NaN counts as 0 (the 16- and
  /// 32-bit types keep infinities and NaNs).
  void (*encode_with)(const float* x, const float* importance, std::byte* blocks, int64_t n,
                      const EncoderLoops& loops);

  bool can_encode() const { return encode_with != nullptr; }
  /// The blocks are the same, to the bit, with the loops of any kernel table.
  void encode(const float* x, const float* importance, std::byte* blocks, int64_t n,
              const EncoderLoops& loops = kScalarEncoderLoops) const {
    encode_with(x, importance, blocks, n, loops);
  }
};

const QuantFormat& Format(DType dtype);

// kQ4_0Format and so on, each defined by its own file.
#define AUTOGLM_DTYPE(Name, name, ggml_id, block_elements, block_bytes) \
  extern const QuantFormat k##Name##Format;
#include "tensor/dtypes.inc"
#undef AUTOGLM_DTYPE

}  // namespace autoglm

// Element types. The list is dtypes.inc; what the blocks mean is in quant/.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace autoglm {

enum class DType : uint8_t {
#define AUTOGLM_DTYPE(Name, name, ggml_id, block_elements, block_bytes) k##Name,
#include "tensor/dtypes.inc"
#undef AUTOGLM_DTYPE
};

struct DTypeInfo {
  DType dtype;
  std::string_view name;  ///< as on the command line: "q4_k"
  uint32_t ggml_id;       ///< as in a GGUF file
  int block_elements;     ///< consecutive elements of a row that are stored together
  int block_bytes;
};

#define AUTOGLM_DTYPE(Name, name, ggml_id, block_elements, block_bytes) +1
inline constexpr int kNumDTypes = 0
#include "tensor/dtypes.inc"
    ;
#undef AUTOGLM_DTYPE

const DTypeInfo& Info(DType dtype);
inline std::string_view Name(DType dtype) { return Info(dtype).name; }

std::optional<DType> DTypeFromName(std::string_view name);
std::optional<DType> DTypeFromGgmlId(uint32_t id);

inline bool IsFloat(DType dtype) { return Info(dtype).block_elements == 1; }

/// Bytes of a row of `n_elements`, which must be a multiple of the type's block_elements.
inline int64_t RowBytes(DType dtype, int64_t n_elements) {
  const DTypeInfo& info = Info(dtype);
  return n_elements / info.block_elements * info.block_bytes;
}

}  // namespace autoglm

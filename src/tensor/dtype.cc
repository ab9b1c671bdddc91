#include "tensor/dtype.h"

namespace autoglm {

namespace {

constexpr DTypeInfo kInfos[] = {
#define AUTOGLM_DTYPE(Name, name, ggml_id, block_elements, block_bytes) \
  {DType::k##Name, name, ggml_id, block_elements, block_bytes},
#include "tensor/dtypes.inc"
#undef AUTOGLM_DTYPE
};

}  // namespace

const DTypeInfo& Info(DType dtype) { return kInfos[static_cast<int>(dtype)]; }

std::optional<DType> DTypeFromName(std::string_view name) {
  for (const DTypeInfo& info : kInfos) {
    if (info.name == name) return info.dtype;
  }
  return std::nullopt;
}

std::optional<DType> DTypeFromGgmlId(uint32_t id) {
  for (const DTypeInfo& info : kInfos) {
    if (info.ggml_id == id) return info.dtype;
  }
  return std::nullopt;
}

}  // namespace autoglm

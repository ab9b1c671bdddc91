// The table of formats, one row per DType.
#include "quant/quant_format.h"

namespace autoglm {

namespace {

constexpr const QuantFormat* kFormats[] = {
#define AUTOGLM_DTYPE(Name, name, ggml_id, block_elements, block_bytes) &k##Name##Format,
#include "tensor/dtypes.inc"
#undef AUTOGLM_DTYPE
};

}  // namespace

const QuantFormat& Format(DType dtype) { return *kFormats[static_cast<int>(dtype)]; }

}  // namespace autoglm

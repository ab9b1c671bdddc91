// Layers that share weights: a key of ours beside GGUF's. Tensors of a layer that has another as
// its source are not in the file.
#pragma once

#include <string_view>

namespace autoglm {

/// i32 array, one per layer: the layer whose tensors it computes with, itself or one before it.
inline constexpr std::string_view kLayerSourcesKey = "autoglm.layer_sources";

}  // namespace autoglm

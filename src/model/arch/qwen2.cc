// Qwen2 and Qwen2.5: Llama with biases on Q, K and V, and half-split rotary embedding.
// Source: Yang et al. 2024, "Qwen2 Technical Report".
#include "model/pre_norm_decoder.h"

namespace autoglm {

std::unique_ptr<Decoder> LoadQwen2(const ArchitectureInputs& in) {
  return std::make_unique<PreNormDecoder>(in, RopeStyle::kHalf);
}

}  // namespace autoglm

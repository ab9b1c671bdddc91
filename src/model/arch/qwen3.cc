// Qwen3: Llama with an RMS norm of every query and key head (attn_q_norm, attn_k_norm), and
// half-split rotary embedding.
// Source: Yang et al. 2025, "Qwen3 Technical Report".
#include "model/pre_norm_decoder.h"

namespace autoglm {

std::unique_ptr<Decoder> LoadQwen3(const ArchitectureInputs& in) {
  return std::make_unique<PreNormDecoder>(in, RopeStyle::kHalf);
}

}  // namespace autoglm

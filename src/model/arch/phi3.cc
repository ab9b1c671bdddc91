// Phi-3 and Phi-4-mini: Llama with half-split rotary embedding (LongRoPE where the context is long,
// sometimes of a part of each head) and a sliding window. Gate and up are one tensor (ffn_up), and
// so are Q, K and V (attn_qkv).
// Source: Abdin et al. 2024, "Phi-3 Technical Report"; Ding et al. 2024, "LongRoPE".
#include "model/pre_norm_decoder.h"

namespace autoglm {

std::unique_ptr<Decoder> LoadPhi3(const ArchitectureInputs& in) {
  return std::make_unique<PreNormDecoder>(in, RopeStyle::kHalf);
}

}  // namespace autoglm

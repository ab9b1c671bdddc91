// ChatGLM3, GLM-4-9B-chat and GLM-Edge: Llama with interleaved rotary embedding of the first
// rope.dimension_count elements of a head, and mostly biases on Q, K and V. Gate and up are one
// tensor (ffn_up), Q, K and V often (attn_qkv).
// Source: GLM team 2024, "ChatGLM: A Family of Large Language Models".
#include "model/pre_norm_decoder.h"

namespace autoglm {

std::unique_ptr<Decoder> LoadChatGlm(const ArchitectureInputs& in) {
  return std::make_unique<PreNormDecoder>(in, RopeStyle::kInterleaved);
}

}  // namespace autoglm

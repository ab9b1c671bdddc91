// Llama 1 to 3 and Mistral (which has a sliding window). Tensors are in GGUF order, where the rows
// of Q and K are permuted so that the rotary embedding is interleaved.
// Source: Touvron et al. 2023, "LLaMA"; Jiang et al. 2023, "Mistral 7B".
#include "model/pre_norm_decoder.h"

namespace autoglm {

std::unique_ptr<Decoder> LoadLlama(const ArchitectureInputs& in) {
  return std::make_unique<PreNormDecoder>(in, RopeStyle::kInterleaved);
}

}  // namespace autoglm

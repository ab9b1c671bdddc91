// SmolLM3: Llama in which every fourth layer has no rotary embedding.
// Source: Bakouch et al. 2025, "SmolLM3"; Yang et al. 2025, "Rope to Nope and Back Again".
#include <vector>

#include "model/pre_norm_decoder.h"

namespace autoglm {

namespace {

class SmolLm3 final : public PreNormDecoder {
 public:
  explicit SmolLm3(const ArchitectureInputs& in)
      : PreNormDecoder(in, RopeStyle::kInterleaved),
        rotates_(in.hparams.LayerPattern("attention.rope_pattern", config_.num_hidden_layers, 4)) {}

 private:
  AttentionOptions Attention(int i, const Activations& a) const override {
    AttentionOptions options = PreNormDecoder::Attention(i, a);
    if (!rotates_[i]) options.rope = nullptr;
    return options;
  }

  std::vector<bool> rotates_;  // [num_hidden_layers]
};

}  // namespace

std::unique_ptr<Decoder> LoadSmolLm3(const ArchitectureInputs& in) {
  return std::make_unique<SmolLm3>(in);
}

}  // namespace autoglm

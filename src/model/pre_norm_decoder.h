// PreNormDecoder: the forward pass that Llama and its many relatives share. What they vary is how
// a layer attends, and that is what they say; one that varies more derives from Decoder.
#pragma once

#include <vector>

#include "model/blocks/embedding.h"
#include "model/blocks/layer.h"
#include "model/decoder.h"

namespace autoglm {

/// Embedding, pre-norm layers with gated SiLU, final norm, logits.
/// Source: Touvron et al. 2023, "LLaMA".
class PreNormDecoder : public Decoder {
 public:
  PreNormDecoder(const ArchitectureInputs& in, RopeStyle rope_style);

 protected:
  /// How layer number `i` attends: over the sliding window that the file names, rotated by the one
  /// rotary table of the batch, scores divided by sqrt(head_dim).
  virtual AttentionOptions Attention(int i, const Activations& a) const;

 private:
  int rotary_dim() const final { return rope_.rotary_dim(); }
  void Compute(const Batch& batch, const Activations& a, OpStream& s, const Tensor& logits) final;

  RopeSpec rope_;
  std::vector<int> sliding_windows_;  // [num_hidden_layers], 0: none
  EmbeddingWeights embedding_;
  std::vector<PreNormLayer> layers_;
};

}  // namespace autoglm

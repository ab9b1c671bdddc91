// The layers of a decoder: attention, then feed-forward, each added to the residual stream a.x;
// normalized before them (pre-norm), or before and after (sandwich norm).
#pragma once

#include <vector>

#include "model/blocks/attention.h"
#include "model/blocks/ffn.h"

namespace autoglm {

/// x += attend(norm(x)); x += ffn(norm(x)). Names as in GGUF.
/// Source: Xiong et al. 2020, "On Layer Normalization in the Transformer Architecture".
struct PreNormLayer {
  Weight attn_norm;  ///< [hidden_size]
  AttentionWeights attn;
  Weight ffn_norm;  ///< [hidden_size]
  FfnWeights ffn;
};

/// x += norm(attend(norm(x))); x += norm(ffn(norm(x))). Names as in GGUF.
/// Source: Ding et al. 2021, "CogView", section 2.4.
struct SandwichLayer {
  Weight attn_norm;  ///< [hidden_size]
  AttentionWeights attn;
  Weight post_attention_norm;  ///< [hidden_size]
  Weight ffn_norm;             ///< [hidden_size]
  FfnWeights ffn;
  Weight post_ffw_norm;  ///< [hidden_size]
};

/// Every layer of the model; fewer after a failure, which the binder has latched.
std::vector<PreNormLayer> BindPreNormLayers(WeightBinder& binder, const ModelConfig& config);
std::vector<SandwichLayer> BindSandwichLayers(WeightBinder& binder, const ModelConfig& config);

/// a.x [n, hidden_size] -> a.x through layer number `i`. Uses everything else of `a` but a.out.
void RunLayer(const PreNormLayer& layer, const ModelConfig& config,
              const AttentionOptions& attention, Activation activation, int i, const Batch& batch,
              const Activations& a, OpStream& s);
void RunLayer(const SandwichLayer& layer, const ModelConfig& config,
              const AttentionOptions& attention, Activation activation, int i, const Batch& batch,
              const Activations& a, OpStream& s);

}  // namespace autoglm

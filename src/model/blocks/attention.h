// The attention block: projections, rotary embedding, cache, attention, output projection.
#pragma once

#include "backend/op_stream.h"
#include "model/language_model.h"
#include "model/weight_binder.h"
#include "model/workspace.h"

namespace autoglm {

/// Of one layer. Names as in GGUF; biases and norms may be empty.
struct AttentionWeights {
  Weight attn_q;       ///< [num_attention_heads * head_dim, hidden_size]
  Weight attn_k;       ///< [num_key_value_heads * head_dim, hidden_size]
  Weight attn_v;       ///< as attn_k
  Weight attn_output;  ///< [hidden_size, num_attention_heads * head_dim]
  Weight attn_q_bias, attn_k_bias, attn_v_bias, attn_output_bias;
  Weight attn_q_norm, attn_k_norm;  ///< [head_dim]: RMS norm of each head before the rotation
};

/// Binds "blk.<layer>.attn_{q,k,v,output}.{weight,bias}" and attn_{q,k}_norm, or, where the file
/// has the three fused as attn_qkv, its parts.
AttentionWeights BindAttention(WeightBinder& binder, const ModelConfig& config, int layer);

/// How this layer attends.
struct AttentionOptions {
  AttentionSpec spec;
  RopeStyle rope_style = RopeStyle::kHalf;
  const Tensor* rope = nullptr;  ///< the table of this batch; null: no rotation in this layer
};

/// a.h [n, hidden_size] (normalized) -> a.h. Uses a.q, a.k, a.v and a.attn.
void Attend(const AttentionWeights& w, const ModelConfig& config, const AttentionOptions& options,
            int layer, const Batch& batch, const Activations& a, OpStream& s);

}  // namespace autoglm

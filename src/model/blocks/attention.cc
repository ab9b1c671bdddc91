#include "model/blocks/attention.h"

namespace autoglm {

AttentionWeights BindAttention(WeightBinder& binder, const ModelConfig& c, int layer) {
  const std::string b = StrCat("blk.", layer, ".");
  const int64_t q_rows = static_cast<int64_t>(c.num_attention_heads) * c.head_dim;
  const int64_t kv_rows = static_cast<int64_t>(c.num_key_value_heads) * c.head_dim;
  AttentionWeights w;
  if (binder.Has(b + "attn_qkv.weight")) {
    const int64_t rows = q_rows + 2 * kv_rows;
    const auto part = [&](int64_t first, int64_t n, Weight* weight, Weight* bias) {
      *weight = binder.MatrixRows(b + "attn_qkv.weight", rows, c.hidden_size, first, n);
      if (binder.Has(b + "attn_qkv.bias")) {
        *bias = binder.VectorPart(b + "attn_qkv.bias", rows, first, n);
      }
    };
    part(0, q_rows, &w.attn_q, &w.attn_q_bias);
    part(q_rows, kv_rows, &w.attn_k, &w.attn_k_bias);
    part(q_rows + kv_rows, kv_rows, &w.attn_v, &w.attn_v_bias);
  } else {
    w.attn_q = binder.Matrix(b + "attn_q.weight", q_rows, c.hidden_size);
    w.attn_k = binder.Matrix(b + "attn_k.weight", kv_rows, c.hidden_size);
    w.attn_v = binder.Matrix(b + "attn_v.weight", kv_rows, c.hidden_size);
    w.attn_q_bias = binder.OptionalVector(b + "attn_q.bias", q_rows);
    w.attn_k_bias = binder.OptionalVector(b + "attn_k.bias", kv_rows);
    w.attn_v_bias = binder.OptionalVector(b + "attn_v.bias", kv_rows);
  }
  w.attn_output = binder.Matrix(b + "attn_output.weight", c.hidden_size, q_rows);
  w.attn_output_bias = binder.OptionalVector(b + "attn_output.bias", c.hidden_size);
  w.attn_q_norm = binder.OptionalVector(b + "attn_q_norm.weight", c.head_dim);
  w.attn_k_norm = binder.OptionalVector(b + "attn_k_norm.weight", c.head_dim);
  return w;
}

void Attend(const AttentionWeights& w, const ModelConfig& config, const AttentionOptions& options,
            int layer, const Batch& batch, const Activations& a, OpStream& s) {
  const MatMulTerm qkv[] = {{&w.attn_q, &w.attn_q_bias, a.q},
                            {&w.attn_k, &w.attn_k_bias, a.k},
                            {&w.attn_v, &w.attn_v_bias, a.v}};
  s.MatMul(a.h, qkv);
  if (!w.attn_q_norm.empty()) s.RmsNorm(a.q, w.attn_q_norm, config.rms_norm_eps, a.q);
  if (!w.attn_k_norm.empty()) s.RmsNorm(a.k, w.attn_k_norm, config.rms_norm_eps, a.k);
  if (options.rope != nullptr) {
    s.Rope(options.rope_style, *options.rope, config.head_dim, a.q);
    s.Rope(options.rope_style, *options.rope, config.head_dim, a.k);
  }
  s.KvStore(batch.kv, layer, a.k, a.v);
  s.Attention(batch.kv, layer, options.spec, a.q, a.attn);
  const MatMulTerm output[] = {{&w.attn_output, &w.attn_output_bias, a.h}};
  s.MatMul(a.attn, output);
}

}  // namespace autoglm

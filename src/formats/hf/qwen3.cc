// Qwen3ForCausalLM: a norm on each head of Q and K.
#include "formats/hf/model.h"

namespace autoglm {

void DescribeQwen3(HfConfig* config, HfModel* model) {
  ExpectActivation(config, "silu");
  ExpectUnset(config, "use_sliding_window");
  ExpectUnset(config, "attention_bias");
  const HfSizes s = DescribeSizes(config, model);
  DescribeRotary(s, {}, config, model);
  DescribeEmbeddings(s, config->Flag("tie_word_embeddings", false), "model.", model);
  const int64_t q_rows = s.num_attention_heads * s.head_dim;
  const int64_t kv_rows = s.num_key_value_heads * s.head_dim;
  for (int64_t i = 0; i < s.num_hidden_layers; ++i) {
    const std::string b = StrCat("blk.", i, "."), h = StrCat("model.layers.", i, ".");
    model->Norm(b + "attn_norm", h + "input_layernorm", s.hidden_size);
    model->Linear(b + "attn_q", h + "self_attn.q_proj", q_rows, s.hidden_size);
    model->Norm(b + "attn_q_norm", h + "self_attn.q_norm", s.head_dim);
    model->Linear(b + "attn_k", h + "self_attn.k_proj", kv_rows, s.hidden_size);
    model->Norm(b + "attn_k_norm", h + "self_attn.k_norm", s.head_dim);
    model->Linear(b + "attn_v", h + "self_attn.v_proj", kv_rows, s.hidden_size);
    model->Linear(b + "attn_output", h + "self_attn.o_proj", s.hidden_size, q_rows);
    model->Norm(b + "ffn_norm", h + "post_attention_layernorm", s.hidden_size);
    model->Linear(b + "ffn_gate", h + "mlp.gate_proj", s.intermediate_size, s.hidden_size);
    model->Linear(b + "ffn_up", h + "mlp.up_proj", s.intermediate_size, s.hidden_size);
    model->Linear(b + "ffn_down", h + "mlp.down_proj", s.hidden_size, s.intermediate_size);
  }
}

}  // namespace autoglm

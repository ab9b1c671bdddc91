// Gemma2ForCausalLM: norms on both sides of each part, soft caps, every other layer with a window.
// The checkpoint's norms lack the 1 that is added to them.
#include <cmath>

#include "formats/hf/model.h"

namespace autoglm {

void DescribeGemma2(HfConfig* config, HfModel* model) {
  ExpectActivation(config, "gelu_pytorch_tanh");
  ExpectUnset(config, "attention_bias");
  ExpectUnset(config, "use_bidirectional_attention");
  model->norm_add = 1;
  const HfSizes s = DescribeSizes(config, model);
  DescribeRotary(s, {}, config, model);
  model->SetInt("attention.sliding_window", config->Size("sliding_window", 4096));
  DescribeWindowPattern(s, "sliding_window_pattern", 2, config, model);
  for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"}) {
    if (config->Has(key)) model->SetFloat(key, config->Number(key));
  }
  const double scalar = config->Number("query_pre_attn_scalar", 256);
  if (scalar != static_cast<double>(s.head_dim)) {
    model->SetFloat("attention.scale", 1 / std::sqrt(scalar));
  }
  DescribeEmbeddings(s, config->Flag("tie_word_embeddings", true), "model.", model);
  const int64_t q_rows = s.num_attention_heads * s.head_dim;
  const int64_t kv_rows = s.num_key_value_heads * s.head_dim;
  for (int64_t i = 0; i < s.num_hidden_layers; ++i) {
    const std::string b = StrCat("blk.", i, "."), h = StrCat("model.layers.", i, ".");
    model->Norm(b + "attn_norm", h + "input_layernorm", s.hidden_size);
    model->Linear(b + "attn_q", h + "self_attn.q_proj", q_rows, s.hidden_size);
    model->Linear(b + "attn_k", h + "self_attn.k_proj", kv_rows, s.hidden_size);
    model->Linear(b + "attn_v", h + "self_attn.v_proj", kv_rows, s.hidden_size);
    model->Linear(b + "attn_output", h + "self_attn.o_proj", s.hidden_size, q_rows);
    model->Norm(b + "post_attention_norm", h + "post_attention_layernorm", s.hidden_size);
    model->Norm(b + "ffn_norm", h + "pre_feedforward_layernorm", s.hidden_size);
    model->Linear(b + "ffn_gate", h + "mlp.gate_proj", s.intermediate_size, s.hidden_size);
    model->Linear(b + "ffn_up", h + "mlp.up_proj", s.intermediate_size, s.hidden_size);
    model->Linear(b + "ffn_down", h + "mlp.down_proj", s.hidden_size, s.intermediate_size);
    model->Norm(b + "post_ffw_norm", h + "post_feedforward_layernorm", s.hidden_size);
  }
}

}  // namespace autoglm

// Glm4ForCausalLM: GLM-4-0414. As Glm, with norms after attention and after the feed-forward part.
#include "formats/hf/model.h"

namespace autoglm {

void DescribeGlm4(HfConfig* config, HfModel* model) {
  ExpectActivation(config, "silu");
  const HfSizes s = DescribeSizes(config, model);
  const bool bias = config->Flag("attention_bias", false);
  DescribeRotary(s, {.default_partial_factor = 0.5}, config, model);
  DescribeEmbeddings(s, config->Flag("tie_word_embeddings", false), "model.", model);
  const int64_t q_rows = s.num_attention_heads * s.head_dim;
  const int64_t kv_rows = s.num_key_value_heads * s.head_dim;
  for (int64_t i = 0; i < s.num_hidden_layers; ++i) {
    const std::string b = StrCat("blk.", i, "."), h = StrCat("model.layers.", i, ".");
    model->Norm(b + "attn_norm", h + "input_layernorm", s.hidden_size);
    model->Linear(b + "attn_q", h + "self_attn.q_proj", q_rows, s.hidden_size, bias);
    model->Linear(b + "attn_k", h + "self_attn.k_proj", kv_rows, s.hidden_size, bias);
    model->Linear(b + "attn_v", h + "self_attn.v_proj", kv_rows, s.hidden_size, bias);
    model->Linear(b + "attn_output", h + "self_attn.o_proj", s.hidden_size, q_rows);
    model->Norm(b + "post_attention_norm", h + "post_self_attn_layernorm", s.hidden_size);
    model->Norm(b + "ffn_norm", h + "post_attention_layernorm", s.hidden_size);
    model->Linear(b + "ffn_up", h + "mlp.gate_up_proj", 2 * s.intermediate_size, s.hidden_size);
    model->Linear(b + "ffn_down", h + "mlp.down_proj", s.hidden_size, s.intermediate_size);
    model->Norm(b + "post_ffw_norm", h + "post_mlp_layernorm", s.hidden_size);
  }
}

}  // namespace autoglm

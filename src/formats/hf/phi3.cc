// Phi3ForCausalLM: Q, K and V fused, gate and up fused, as GGUF has them.
#include "formats/hf/model.h"

namespace autoglm {

void DescribePhi3(HfConfig* config, HfModel* model) {
  ExpectActivation(config, "silu");
  ExpectUnset(config, "attention_bias");
  const HfSizes s = DescribeSizes(config, model);
  DescribeRotary(s, {}, config, model);
  // 0 says "none": readers take the absence of the key for the window of the first models.
  model->SetInt("attention.sliding_window",
                config->Has("sliding_window") ? config->Size("sliding_window") : 0);
  DescribeEmbeddings(s, config->Flag("tie_word_embeddings", false), "model.", model);
  const int64_t q_rows = s.num_attention_heads * s.head_dim;
  const int64_t kv_rows = s.num_key_value_heads * s.head_dim;
  for (int64_t i = 0; i < s.num_hidden_layers; ++i) {
    const std::string b = StrCat("blk.", i, "."), h = StrCat("model.layers.", i, ".");
    model->Norm(b + "attn_norm", h + "input_layernorm", s.hidden_size);
    model->Linear(b + "attn_qkv", h + "self_attn.qkv_proj", q_rows + 2 * kv_rows, s.hidden_size);
    model->Linear(b + "attn_output", h + "self_attn.o_proj", s.hidden_size, q_rows);
    model->Norm(b + "ffn_norm", h + "post_attention_layernorm", s.hidden_size);
    model->Linear(b + "ffn_up", h + "mlp.gate_up_proj", 2 * s.intermediate_size, s.hidden_size);
    model->Linear(b + "ffn_down", h + "mlp.down_proj", s.hidden_size, s.intermediate_size);
  }
}

}  // namespace autoglm

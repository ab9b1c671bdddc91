// Gemma3ForCausalLM, and the text part of Gemma3ForConditionalGeneration: as Gemma 2 without soft
// caps, with norms on the heads of Q and K, and with another rotary base where a layer sees a
// window only. The checkpoint's norms lack the 1 that is added to them.
#include <cmath>

#include "formats/hf/model.h"

namespace autoglm {

namespace {

/// The published configs leave out what is the default of their class.
void FillDefaults(HfConfig* config) {
  config->Default("vocab_size", 262208);
  config->Default("hidden_size", 2304);
  config->Default("intermediate_size", 9216);
  config->Default("num_hidden_layers", 26);
  config->Default("num_attention_heads", 8);
  config->Default("num_key_value_heads", 4);
  config->Default("head_dim", 256);
  config->Default("max_position_embeddings", 131072);
  config->Default("rms_norm_eps", 1e-6);
  config->Default("query_pre_attn_scalar", 256);
  config->Default("sliding_window", 4096);
}

void DescribeLocalRotary(HfConfig* config, HfModel* model) {
  double base = config->Number("rope_local_base_freq", 10000);
  if (config->Has("rope_parameters")) {
    HfConfig parameters = RotaryParameters(config, "sliding_attention");
    base = RotaryTheta(config, &parameters, "rope_local_base_freq", 10000);
    const std::string type = parameters.Text("rope_type", "default");
    if (type != "default") {
      parameters.RefuseAsUnknown("rotary scaling '", Quoted(type),
                                 "' in layers with a window is not supported");
    }
  }
  model->SetFloat("rope.freq_base_swa", base);
}

void DescribeText(bool tied, const std::string& prefix, HfConfig* config, HfModel* model) {
  FillDefaults(config);
  ExpectActivation(config, "gelu_pytorch_tanh");
  ExpectUnset(config, "attention_bias");
  ExpectUnset(config, "use_bidirectional_attention");
  if (config->Has("attn_logit_softcapping")) {
    config->RefuseAsUnknown("attn_logit_softcapping is set, which is not supported here");
  }
  model->norm_add = 1;
  const HfSizes s = DescribeSizes(config, model);
  DescribeRotary(s, {.default_theta = 1e6}, config, model);
  DescribeLocalRotary(config, model);
  model->SetInt("attention.sliding_window", config->Size("sliding_window"));
  DescribeWindowPattern(s, "sliding_window_pattern", 6, config, model);
  if (config->Has("final_logit_softcapping")) {
    model->SetFloat("final_logit_softcapping", config->Number("final_logit_softcapping"));
  }
  const double scalar = config->Number("query_pre_attn_scalar");
  if (scalar != static_cast<double>(s.head_dim)) {
    model->SetFloat("attention.scale", 1 / std::sqrt(scalar));
  }
  DescribeEmbeddings(s, tied, prefix, model);
  const int64_t q_rows = s.num_attention_heads * s.head_dim;
  const int64_t kv_rows = s.num_key_value_heads * s.head_dim;
  for (int64_t i = 0; i < s.num_hidden_layers; ++i) {
    const std::string b = StrCat("blk.", i, "."), h = StrCat(prefix, "layers.", i, ".");
    model->Norm(b + "attn_norm", h + "input_layernorm", s.hidden_size);
    model->Linear(b + "attn_q", h + "self_attn.q_proj", q_rows, s.hidden_size);
    model->Norm(b + "attn_q_norm", h + "self_attn.q_norm", s.head_dim);
    model->Linear(b + "attn_k", h + "self_attn.k_proj", kv_rows, s.hidden_size);
    model->Norm(b + "attn_k_norm", h + "self_attn.k_norm", s.head_dim);
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

}  // namespace

void DescribeGemma3(HfConfig* config, HfModel* model) {
  DescribeText(config->Flag("tie_word_embeddings", true), "model.", config, model);
}

void DescribeGemma3WithVision(HfConfig* config, HfModel* model) {
  model->ignored_prefixes = {"vision_tower.", "model.vision_tower.", "multi_modal_projector.",
                             "model.multi_modal_projector."};
  // Before transformers 4.52 the two parts of the prefix stood the other way round.
  model->alternative_prefixes = {{"model.language_model.", "language_model.model."},
                                 {"lm_head.", "language_model.lm_head."}};
  HfConfig text = config->Child("text_config");
  const bool tied = text.Flag("tie_word_embeddings", config->Flag("tie_word_embeddings", true));
  DescribeText(tied, "model.language_model.", &text, model);
}

}  // namespace autoglm

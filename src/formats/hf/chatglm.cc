// ChatGLMModel and ChatGLMForConditionalGeneration: ChatGLM2, ChatGLM3 and GLM-4-9b-chat as first
// published, with code and key names of their own.
#include "formats/hf/model.h"

namespace autoglm {

namespace {

/// What the published code can do besides and no published model of this kind does.
void RefuseVariants(HfConfig* config) {
  ExpectUnset(config, "add_bias_linear");
  ExpectUnset(config, "apply_residual_connection_post_layernorm");
  if (!config->Flag("rmsnorm", true)) config->RefuseAsUnknown("rmsnorm is false");
  if (!config->Flag("post_layer_norm", true)) config->RefuseAsUnknown("post_layer_norm is false");
  if (!config->Flag("original_rope", true)) config->RefuseAsUnknown("original_rope is false");
  if (config->Has("pre_seq_len")) config->RefuseAsUnknown("pre_seq_len (P-tuning) is given");
}

HfSizes DescribeChatGlmSizes(HfConfig* config, HfModel* model) {
  HfSizes s;
  s.vocab_size = config->Has("padded_vocab_size") ? config->Size("padded_vocab_size")
                                                  : config->Size("vocab_size");
  s.hidden_size = config->Size("hidden_size");
  s.intermediate_size = config->Size("ffn_hidden_size");
  s.num_hidden_layers = config->Size("num_layers");
  s.num_attention_heads = config->Size("num_attention_heads");
  s.num_key_value_heads = config->Flag("multi_query_attention", false)
                              ? config->Size("multi_query_group_num")
                              : s.num_attention_heads;
  s.head_dim = config->Size("kv_channels");
  if (s.num_hidden_layers > 4096) {
    config->Refuse(StatusCode::kInvalidArgument, "num_layers is ", s.num_hidden_layers);
    s.num_hidden_layers = 1;
  }
  model->metadata.SetString("general.architecture", model->architecture());
  model->SetInt("vocab_size", s.vocab_size);
  model->SetInt("embedding_length", s.hidden_size);
  model->SetInt("feed_forward_length", s.intermediate_size);
  model->SetInt("block_count", s.num_hidden_layers);
  model->SetInt("attention.head_count", s.num_attention_heads);
  model->SetInt("attention.head_count_kv", s.num_key_value_heads);
  if (s.head_dim * s.num_attention_heads != s.hidden_size) {
    model->SetInt("attention.key_length", s.head_dim);
    model->SetInt("attention.value_length", s.head_dim);
  }
  model->SetInt("context_length", config->Size("seq_length"));
  model->SetFloat("attention.layer_norm_rms_epsilon", config->Number("layernorm_epsilon", 1e-5));
  model->SetFloat("rope.freq_base", 10000 * config->Number("rope_ratio", 1));
  model->SetInt("rope.dimension_count", s.head_dim / 2);
  return s;
}

}  // namespace

void DescribeChatGlm(HfConfig* config, HfModel* model) {
  RefuseVariants(config);
  const HfSizes s = DescribeChatGlmSizes(config, model);
  const bool bias = config->Flag("add_qkv_bias", false);
  model->ignored_prefixes.push_back("transformer.vision.");
  model->Linear("token_embd", "transformer.embedding.word_embeddings", s.vocab_size, s.hidden_size);
  model->Norm("output_norm", "transformer.encoder.final_layernorm", s.hidden_size);
  if (config->Flag("tie_word_embeddings", false)) {
    model->ignored_prefixes.push_back("transformer.output_layer.");
  } else {
    model->Linear("output", "transformer.output_layer", s.vocab_size, s.hidden_size);
  }
  const int64_t q_rows = s.num_attention_heads * s.head_dim;
  const int64_t kv_rows = s.num_key_value_heads * s.head_dim;
  for (int64_t i = 0; i < s.num_hidden_layers; ++i) {
    const std::string b = StrCat("blk.", i, ".");
    const std::string h = StrCat("transformer.encoder.layers.", i, ".");
    model->Norm(b + "attn_norm", h + "input_layernorm", s.hidden_size);
    model->Linear(b + "attn_qkv", h + "self_attention.query_key_value", q_rows + 2 * kv_rows,
                  s.hidden_size, bias);
    model->Linear(b + "attn_output", h + "self_attention.dense", s.hidden_size, q_rows);
    model->Norm(b + "ffn_norm", h + "post_attention_layernorm", s.hidden_size);
    model->Linear(b + "ffn_up", h + "mlp.dense_h_to_4h", 2 * s.intermediate_size, s.hidden_size);
    model->Linear(b + "ffn_down", h + "mlp.dense_4h_to_h", s.hidden_size, s.intermediate_size);
  }
}

}  // namespace autoglm

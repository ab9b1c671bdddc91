#include "formats/hf/model.h"

#include <algorithm>
#include <utility>

namespace autoglm {

namespace {

constexpr int64_t kMaxLayers = 4096;  // one entry per tensor is made; no real model comes near

/// The least period p such that each p-th layer is full and all others see a window; 0 if none is.
int64_t PeriodOf(const std::vector<bool>& windowed) {
  for (size_t period = 1; period <= windowed.size(); ++period) {
    bool fits = true;
    for (size_t i = 0; i < windowed.size(); ++i) fits &= windowed[i] == ((i + 1) % period != 0);
    if (fits) return static_cast<int64_t>(period);
  }
  return 0;
}

}  // namespace

void HfModel::SetInt(std::string_view key, int64_t value) {
  metadata.SetU32(Key(key), static_cast<uint32_t>(value));
}

void HfModel::SetFloat(std::string_view key, double value) {
  metadata.SetF32(Key(key), static_cast<float>(value));
}

void HfModel::Norm(const std::string& name, const std::string& stored, int64_t n) {
  HfTensor tensor;
  tensor.name = name + ".weight";
  tensor.parts.push_back({stored + ".weight", Shape{n}});
  tensor.is_norm = true;
  tensor.add = norm_add;
  tensors.push_back(std::move(tensor));
}

void HfModel::Linear(const std::string& name, const std::string& stored, int64_t out, int64_t in,
                     bool bias, int64_t rotary_heads) {
  HfTensor weight;
  weight.name = name + ".weight";
  weight.parts.push_back({stored + ".weight", Shape{out, in}, rotary_heads});
  tensors.push_back(std::move(weight));
  if (!bias) return;
  HfTensor vector;
  vector.name = name + ".bias";
  vector.parts.push_back({stored + ".bias", Shape{out}, rotary_heads});
  tensors.push_back(std::move(vector));
}

void HfModel::Values(const std::string& name, std::vector<float> values) {
  HfTensor tensor;
  tensor.name = name;
  tensor.values = std::move(values);
  tensors.push_back(std::move(tensor));
}

HfSizes DescribeSizes(HfConfig* config, HfModel* model) {
  HfSizes s;
  s.vocab_size = config->Size("vocab_size");
  s.hidden_size = config->Size("hidden_size");
  s.intermediate_size = config->Size("intermediate_size");
  s.num_hidden_layers = config->Size("num_hidden_layers");
  s.num_attention_heads = config->Size("num_attention_heads");
  s.num_key_value_heads = config->Size("num_key_value_heads", s.num_attention_heads);
  if (s.num_hidden_layers > kMaxLayers) {
    config->Refuse(StatusCode::kInvalidArgument, "num_hidden_layers is ", s.num_hidden_layers,
                   ", more than the ", kMaxLayers, " supported");
    s.num_hidden_layers = 1;
  }
  const bool head_dim_given = config->Has("head_dim");
  s.head_dim =
      config->Size("head_dim", std::max<int64_t>(1, s.hidden_size / s.num_attention_heads));
  if (!head_dim_given && s.head_dim * s.num_attention_heads != s.hidden_size) {
    config->Refuse(StatusCode::kInvalidArgument, "hidden_size ", s.hidden_size,
                   " is no multiple of the ", s.num_attention_heads,
                   " attention heads, and head_dim is not given");
  }
  model->metadata.SetString("general.architecture", model->architecture());
  model->SetInt("vocab_size", s.vocab_size);
  model->SetInt("embedding_length", s.hidden_size);
  model->SetInt("feed_forward_length", s.intermediate_size);
  model->SetInt("block_count", s.num_hidden_layers);
  model->SetInt("attention.head_count", s.num_attention_heads);
  model->SetInt("attention.head_count_kv", s.num_key_value_heads);
  if (head_dim_given) {
    model->SetInt("attention.key_length", s.head_dim);
    model->SetInt("attention.value_length", s.head_dim);
  }
  model->SetInt("context_length", config->Size("max_position_embeddings"));
  model->SetFloat("attention.layer_norm_rms_epsilon", config->Number("rms_norm_eps"));
  return s;
}

void DescribeEmbeddings(const HfSizes& sizes, bool tied, const std::string& stored_prefix,
                        HfModel* model) {
  model->Linear("token_embd", stored_prefix + "embed_tokens", sizes.vocab_size, sizes.hidden_size);
  model->Norm("output_norm", stored_prefix + "norm", sizes.hidden_size);
  if (tied) {
    model->ignored_prefixes.push_back("lm_head.");  // some files repeat the embedding here
  } else {
    model->Linear("output", "lm_head", sizes.vocab_size, sizes.hidden_size);
  }
}

void ExpectActivation(HfConfig* config, std::string_view expected) {
  for (const char* key : {"hidden_act", "hidden_activation"}) {
    const std::string found = config->Text(key, expected);
    if (found != expected && !(expected == "gelu_pytorch_tanh" && found == "gelu")) {
      config->RefuseAsUnknown(key, " is '", Quoted(found), "'; only '", expected,
                              "' is supported for this architecture");
    }
  }
}

void ExpectUnset(HfConfig* config, std::string_view flag) {
  if (config->Flag(flag, false)) config->RefuseAsUnknown(flag, " is set, which is not supported");
}

void DescribeWindowPattern(const HfSizes& sizes, std::string_view pattern_key,
                           int64_t default_period, HfConfig* config, HfModel* model) {
  const int64_t stated_period = config->Size(pattern_key, default_period);
  std::vector<bool> windowed;
  for (const std::string& type : config->Texts("layer_types")) {
    if (type != "sliding_attention" && type != "full_attention") {
      config->RefuseAsUnknown("layer_types holds '", Quoted(type), "'");
    }
    windowed.push_back(type == "sliding_attention");
  }
  const auto n_layers = static_cast<size_t>(sizes.num_hidden_layers);
  if (windowed.empty()) {
    for (size_t i = 0; i < n_layers; ++i) {
      windowed.push_back((i + 1) % static_cast<size_t>(stated_period) != 0);
    }
  }
  if (windowed.size() != n_layers) {
    config->Refuse(StatusCode::kInvalidArgument, "layer_types has ", windowed.size(),
                   " entries for ", n_layers, " layers");
    return;
  }
  std::vector<bool> usual;
  for (size_t i = 0; i < n_layers; ++i) {
    usual.push_back((i + 1) % static_cast<size_t>(default_period) != 0);
  }
  if (windowed == usual) return;
  if (const int64_t period = PeriodOf(windowed); period > 0) {
    model->SetInt("attention.sliding_window_pattern", period);
    return;
  }
  model->metadata.Set(
      model->Key("attention.sliding_window_pattern"),
      {MetaType::kArray, MetaType::kBool, std::vector<int64_t>(windowed.begin(), windowed.end())});
}

}  // namespace autoglm

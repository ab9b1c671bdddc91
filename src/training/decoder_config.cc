#include "training/decoder_config.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "formats/hf/architectures.h"
#include "formats/hf/config.h"
#include "formats/hf/model.h"
#include "formats/layer_sources.h"

namespace autoglm {

namespace {

using nlohmann::ordered_json;

struct Family {
  std::string_view model_type;    ///< config.json
  std::string_view class_name;    ///< config.json: architectures
  std::string_view architecture;  ///< GGUF
  double partial_rotary_factor;
};
constexpr Family kFamilies[] = {{"glm", "GlmForCausalLM", "chatglm", 0.5},
                                {"glm4", "Glm4ForCausalLM", "glm4", 0.5},
                                {"llama", "LlamaForCausalLM", "llama", 1},
                                {"qwen3", "Qwen3ForCausalLM", "qwen3", 1}};
constexpr std::string_view kFamilyNames = "glm, glm4, llama and qwen3";

const Family* FindFamily(std::string_view name) {
  for (const Family& family : kFamilies) {
    if (name == family.model_type || name == family.class_name || name == family.architecture) {
      return &family;
    }
  }
  return nullptr;
}

/// The double that is written as `value` is: 1e-5F as 1e-05.
double Shortest(float value) {
  const std::string text = StrCat(value);
  double result = 0;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return result;
}

Status CheckSizes(const DecoderConfig& c) {
  const auto wrong = [](const auto&... parts) {
    return Error(StatusCode::kInvalidArgument, parts...);
  };
  if (c.num_attention_heads % c.num_key_value_heads != 0) {
    return wrong("num_attention_heads ", c.num_attention_heads, " is no multiple of the ",
                 c.num_key_value_heads, " key-value heads");
  }
  if (c.head_dim % 2 != 0) return wrong("head_dim ", c.head_dim, " is odd");
  if (c.rotary_dim % 2 != 0 || c.rotary_dim < 2 || c.rotary_dim > c.head_dim) {
    return wrong("the rotary embedding turns ", c.rotary_dim, " of the ", c.head_dim,
                 " elements of a head, expected an even number of them");
  }
  const bool wrong_count = !c.layer_sources.empty() &&
                           c.layer_sources.size() != static_cast<size_t>(c.num_hidden_layers);
  if (wrong_count) {
    return wrong("layers share weights by a list of ", c.layer_sources.size(), " for ",
                 c.num_hidden_layers, " layers");
  }
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const int source = c.source_of(i);
    if (source < 0 || source > i || c.source_of(source) != source) {
      return wrong("layer ", i, " takes its weights from layer ", source,
                   ", expected a layer before it that has its own");
    }
  }
  if (!(c.rope_theta > 0) || !(c.rms_norm_eps >= 0)) {
    return wrong("rope_theta ", c.rope_theta, " or rms_norm_eps ", c.rms_norm_eps, " is negative");
  }
  return OkStatus();
}

/// GGUF metadata: typed reads of "<architecture>.<key>", the first failure kept.
class Keys {
 public:
  Keys(const Metadata& metadata, std::string_view architecture)
      : metadata_(metadata), architecture_(architecture) {}

  int Size(std::string_view key, int64_t fallback = 0) {
    const auto value = metadata_.GetInt(Key(key), fallback);
    if (!value.ok()) return Fail(value.status()), 1;
    if (*value < 1 || *value > HfConfig::kMaxSize) {
      Fail(Error(StatusCode::kInvalidArgument, Key(key), " is ", *value, ", expected a size"));
      return 1;
    }
    return static_cast<int>(*value);
  }
  double Number(std::string_view key, double fallback) {
    const auto value = metadata_.GetFloat(Key(key), fallback);
    if (!value.ok()) return Fail(value.status()), fallback;
    return *value;
  }
  bool Has(std::string_view key) const { return metadata_.Has(Key(key)); }
  std::string Key(std::string_view key) const { return StrCat(architecture_, ".", key); }
  void Fail(const Status& status) {
    if (status_.ok()) status_ = status;
  }
  const Status& status() const { return status_; }

 private:
  const Metadata& metadata_;
  std::string_view architecture_;
  Status status_;
};

void MarkShared(const DecoderConfig& config, FileLayout* layout) {
  if (config.layer_sources.empty()) return;
  layout->metadata.SetI32s(kLayerSourcesKey,
                           {config.layer_sources.begin(), config.layer_sources.end()});
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    if (config.source_of(i) == i) continue;
    for (FileTensor& tensor : layout->tensors) {
      if (tensor.name.starts_with(StrCat("blk.", i, "."))) tensor.is_shared = true;
    }
  }
}

}  // namespace

int64_t DecoderConfig::n_parameters() const {
  const int64_t hidden = hidden_size, embedding = hidden * vocab_size;
  int64_t layer = (q_rows() + 2 * kv_rows()) * hidden + q_rows() * hidden +
                  3 * static_cast<int64_t>(intermediate_size) * hidden;
  layer += (has_sandwich_norms() ? 4 : 2) * hidden + (has_head_norms() ? 2 * head_dim : 0);
  if (attention_bias) layer += q_rows() + 2 * kv_rows();
  if (has_output_bias()) layer += hidden;
  int64_t n_layers = 0;
  for (int i = 0; i < num_hidden_layers; ++i) n_layers += source_of(i) == i ? 1 : 0;
  return n_layers * layer + hidden + (tie_word_embeddings ? 1 : 2) * embedding;
}

Result<DecoderConfig> ParseDecoderConfig(std::string_view config_json, int vocab_size) {
  AUTOGLM_ASSIGN_OR_RETURN(HfConfig json, HfConfig::Parse(config_json, "config.json"));
  std::string type = json.Text("model_type", "");
  const std::vector<std::string> classes = json.Texts("architectures");
  if (type.empty() && !classes.empty()) type = classes[0];
  const Family* family = FindFamily(type);
  if (family == nullptr) {
    return Error(StatusCode::kInvalidArgument, "config.json: model_type is '", Quoted(type), "'; ",
                 kFamilyNames, " can be trained");
  }
  const auto size = [](int64_t value) { return static_cast<int>(value); };
  DecoderConfig c;
  c.architecture = family->architecture;
  c.vocab_size = size(json.Size("vocab_size", vocab_size));
  c.hidden_size = size(json.Size("hidden_size"));
  c.intermediate_size = size(json.Size("intermediate_size"));
  c.num_hidden_layers = size(json.Size("num_hidden_layers"));
  c.num_attention_heads = size(json.Size("num_attention_heads"));
  c.num_key_value_heads = size(json.Size("num_key_value_heads", c.num_attention_heads));
  c.head_dim = size(json.Size("head_dim", std::max(1, c.hidden_size / c.num_attention_heads)));
  c.max_position_embeddings = size(json.Size("max_position_embeddings", 256));
  c.rms_norm_eps = static_cast<float>(json.Number("rms_norm_eps", 1e-5));
  HfConfig rotary = RotaryParameters(&json, "full_attention");
  c.rope_theta = static_cast<float>(RotaryTheta(&json, &rotary, "rope_theta", 10000));
  const double factor = rotary.Number(
      "partial_rotary_factor", json.Number("partial_rotary_factor", family->partial_rotary_factor));
  c.rotary_dim = static_cast<int>(c.head_dim * factor);
  c.attention_bias = json.Flag("attention_bias", false);
  c.tie_word_embeddings = json.Flag("tie_word_embeddings", true);
  if (rotary.Text("rope_type", "default") != "default") {
    json.RefuseAsUnknown("a scaled rotary embedding cannot be trained");
  }
  AUTOGLM_RETURN_IF_ERROR(json.status());
  AUTOGLM_RETURN_IF_ERROR(CheckSizes(c).WithContext("config.json"));
  if (c.vocab_size < vocab_size) {
    return Error(StatusCode::kInvalidArgument, "config.json: vocab_size is ", c.vocab_size,
                 ", but the tokenizer has ", vocab_size, " tokens");
  }
  return c;
}

Result<DecoderConfig> ReadDecoderConfig(const Metadata& metadata,
                                        const std::function<bool(std::string_view)>& has_tensor) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::string_view name, metadata.GetString("general.architecture"));
  const Family* family = FindFamily(name);
  if (family == nullptr || family->architecture != name) {
    return Error(StatusCode::kUnimplemented, "a model of architecture '", Quoted(name),
                 "' cannot be trained; ", kFamilyNames, " can");
  }
  Keys keys(metadata, name);
  DecoderConfig c;
  c.architecture = name;
  c.hidden_size = keys.Size("embedding_length");
  c.intermediate_size = keys.Size("feed_forward_length");
  c.num_hidden_layers = keys.Size("block_count");
  c.num_attention_heads = keys.Size("attention.head_count");
  c.num_key_value_heads = keys.Size("attention.head_count_kv", c.num_attention_heads);
  c.head_dim =
      keys.Size("attention.key_length", std::max(1, c.hidden_size / c.num_attention_heads));
  c.rotary_dim = keys.Size("rope.dimension_count", c.head_dim);
  c.max_position_embeddings = keys.Size("context_length");
  c.rms_norm_eps = static_cast<float>(keys.Number("attention.layer_norm_rms_epsilon", 1e-5));
  c.rope_theta = static_cast<float>(keys.Number("rope.freq_base", 10000));
  c.attention_bias = has_tensor("blk.0.attn_q.bias") || has_tensor("blk.0.attn_qkv.bias");
  c.tie_word_embeddings = !has_tensor("output.weight");
  const auto tokens = metadata.GetStrings("tokenizer.ggml.tokens");
  c.vocab_size = keys.Size("vocab_size", tokens.ok() ? static_cast<int64_t>(tokens->size()) : 0);
  if (metadata.Has(kLayerSourcesKey)) {
    AUTOGLM_ASSIGN_OR_RETURN(const auto sources, metadata.GetInts(kLayerSourcesKey));
    c.layer_sources.assign(sources.begin(), sources.end());
  }
  for (const char* key : {"rope.scaling.type", "attention.sliding_window"}) {
    if (!keys.Has(key)) continue;
    const auto text = metadata.GetString(keys.Key(key), "");
    if (text.ok() && *text == "none") continue;
    keys.Fail(Error(StatusCode::kUnimplemented, keys.Key(key), ": such a model cannot be trained"));
  }
  if (has_tensor("rope_freqs.weight")) {
    keys.Fail(Error(StatusCode::kUnimplemented,
                    "'rope_freqs.weight': a scaled rotary embedding cannot be trained"));
  }
  AUTOGLM_RETURN_IF_ERROR(keys.status());
  AUTOGLM_RETURN_IF_ERROR(CheckSizes(c));
  return c;
}

std::string HuggingFaceConfigText(const DecoderConfig& c, int eos_token_id) {
  const Family* family = FindFamily(c.architecture);
  const double factor = static_cast<double>(c.rotary_dim) / c.head_dim;
  ordered_json json = {{"architectures", {family->class_name}},
                       {"model_type", family->model_type},
                       {"vocab_size", c.vocab_size},
                       {"hidden_size", c.hidden_size},
                       {"intermediate_size", c.intermediate_size},
                       {"num_hidden_layers", c.num_hidden_layers},
                       {"num_attention_heads", c.num_attention_heads},
                       {"num_key_value_heads", c.num_key_value_heads},
                       {"head_dim", c.head_dim},
                       {"hidden_act", "silu"},
                       {"max_position_embeddings", c.max_position_embeddings},
                       {"rms_norm_eps", Shortest(c.rms_norm_eps)},
                       {"rope_theta", Shortest(c.rope_theta)},
                       {"partial_rotary_factor", factor},
                       {"rope_parameters",
                        {{"rope_type", "default"},
                         {"rope_theta", Shortest(c.rope_theta)},
                         {"partial_rotary_factor", factor}}},
                       {"attention_bias", c.attention_bias},
                       {"attention_dropout", 0.0},
                       {"tie_word_embeddings", c.tie_word_embeddings},
                       {"torch_dtype", "float32"},
                       {"use_cache", true},
                       {"bos_token_id", nullptr}};
  json["eos_token_id"] = eos_token_id >= 0 ? ordered_json(eos_token_id) : ordered_json(nullptr);
  json["pad_token_id"] = json["eos_token_id"];
  return json.dump(2) + "\n";
}

Result<FileLayout> DescribeFile(const DecoderConfig& config) {
  AUTOGLM_ASSIGN_OR_RETURN(HfConfig json,
                           HfConfig::Parse(HuggingFaceConfigText(config, -1), "config.json"));
  const Family* family = FindFamily(config.architecture);
  for (const HfArchitecture& row : HfArchitectures()) {
    if (row.name != family->class_name) continue;
    HfModel model(row.gguf_name);
    row.describe(&json, &model);
    AUTOGLM_RETURN_IF_ERROR(json.status());
    FileLayout layout;
    for (const HfTensor& tensor : model.tensors) {
      FileTensor out;
      out.name = tensor.name;
      int64_t n_rows = 0;
      for (const HfPart& part : tensor.parts) {
        out.parts.push_back({part.name, part.shape[0], part.rotary_heads});
        n_rows += part.shape[0];
      }
      out.shape.Append(n_rows);
      if (tensor.parts[0].shape.rank() == 2) out.shape.Append(tensor.parts[0].shape[1]);
      layout.tensors.push_back(std::move(out));
    }
    layout.metadata = std::move(model.metadata);
    MarkShared(config, &layout);
    return layout;
  }
  return Error(StatusCode::kInternal, "no importer for ", family->class_name);
}

}  // namespace autoglm

// DecoderConfig: the shape of a model that can be trained, and the two vocabularies it is written
// in: Hugging Face's config.json and GGUF's metadata and tensor names.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "formats/metadata.h"
#include "tensor/tensor.h"

namespace autoglm {

/// Names as in config.json. Every layer has the same shape.
struct DecoderConfig {
  std::string architecture = "chatglm";  ///< as general.architecture; see KnownArchitectures
  int vocab_size = 0;
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_hidden_layers = 0;
  int num_attention_heads = 0;
  int num_key_value_heads = 0;
  int head_dim = 0;
  int rotary_dim = 0;  ///< of head_dim, as partial_rotary_factor says
  int max_position_embeddings = 0;
  float rms_norm_eps = 1e-5F;  ///< float32, as files hold it
  float rope_theta = 10000;
  bool attention_bias = false;
  bool tie_word_embeddings = true;
  /// Layer i computes with the weights of layer layer_sources[i], which is at most i and its own
  /// source; empty: each with its own. A file stores those of the sources only.
  std::vector<int> layer_sources;

  int source_of(int layer) const {
    return layer_sources.empty() ? layer : layer_sources[static_cast<size_t>(layer)];
  }
  /// Rotary pairs are neighbours in a head, as the engine has them; else halves.
  bool rope_is_interleaved() const { return architecture != "qwen3"; }
  /// Q and K heads are normalized.
  bool has_head_norms() const { return architecture == "qwen3"; }
  /// Norms also behind attention and feed-forward.
  bool has_sandwich_norms() const { return architecture == "glm4"; }
  /// attention_bias gives the output projection one too.
  bool has_output_bias() const { return attention_bias && architecture == "llama"; }
  /// Files hold gate and up as one matrix.
  bool files_fuse_gate_up() const { return architecture == "chatglm" || architecture == "glm4"; }

  int q_rows() const { return num_attention_heads * head_dim; }
  int kv_rows() const { return num_key_value_heads * head_dim; }
  /// Shared ones count once.
  int64_t n_parameters() const;
  bool operator==(const DecoderConfig&) const = default;
};

/// Reads a config.json of a model to be made. model_type is "glm", "glm4", "llama" or "qwen3"
/// (or architectures names the class); hidden_size, intermediate_size, num_hidden_layers and
/// num_attention_heads must be there; what else is missing gets the value that is usual, and
/// vocab_size that of the argument. kInvalidArgument names what is wrong.
Result<DecoderConfig> ParseDecoderConfig(std::string_view config_json, int vocab_size);

/// The same of a model file: its metadata, and which tensors it has. kUnimplemented for what cannot
/// be trained: another architecture, scaled rotary embeddings, a sliding window.
Result<DecoderConfig> ReadDecoderConfig(const Metadata& metadata,
                                        const std::function<bool(std::string_view)>& has_tensor);

/// config.json, which transformers and the engine read.
std::string HuggingFaceConfigText(const DecoderConfig& config, int eos_token_id);

/// A tensor of a file: its name in GGUF, and what it is made of in a Hugging Face folder.
struct FileTensor {
  struct Part {
    std::string name;  ///< as in safetensors
    int64_t n_rows;
    int64_t rotary_heads;  ///< above 0: heads whose rows the folder has in halves, GGUF interleaved
  };
  std::string name;
  Shape shape;
  std::vector<Part> parts;
  bool is_shared = false;  ///< a repetition of its source's, which GGUF files leave out
};

/// What a model of this shape consists of, in the order of its file, and its metadata (general.*
/// and sizes; no tokenizer).
struct FileLayout {
  std::vector<FileTensor> tensors;
  Metadata metadata;
};
Result<FileLayout> DescribeFile(const DecoderConfig& config);

}  // namespace autoglm

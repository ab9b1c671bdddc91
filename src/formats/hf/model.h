// HfModel: how a Hugging Face checkpoint becomes a model in GGUF vocabulary. An architecture's file
// (architectures.inc) fills one; formats/huggingface.cc then finds the tensors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/hf/config.h"
#include "formats/metadata.h"
#include "tensor/tensor.h"

namespace autoglm {

/// One stored tensor that goes into a tensor of ours.
struct HfPart {
  std::string name;          ///< as in the safetensors file
  Shape shape;               ///< that it must have there
  int64_t rotary_heads = 0;  ///< above 0: that many heads, whose rows [first half, second half] are
                             ///< interleaved, as GGUF has them where rotary pairs are neighbours
};

/// One tensor in GGUF vocabulary: its parts joined along the first dimension, or fixed values.
struct HfTensor {
  std::string name;
  std::vector<HfPart> parts;
  bool is_norm = false;       ///< shown as F32, as every vector is
  float add = 0;              ///< added to each element: gemma stores its norms less 1
  std::vector<float> values;  ///< without parts: an F32 vector
};

/// The sizes that every architecture here has.
struct HfSizes {
  int64_t vocab_size = 1;
  int64_t hidden_size = 1;
  int64_t intermediate_size = 1;
  int64_t num_hidden_layers = 1;
  int64_t num_attention_heads = 1;
  int64_t num_key_value_heads = 1;
  int64_t head_dim = 1;
};

class HfModel {
 public:
  explicit HfModel(std::string_view architecture) : architecture_(architecture) {}

  Metadata metadata;
  std::vector<HfTensor> tensors;
  /// Names that begin like this are no part of the text model.
  std::vector<std::string> ignored_prefixes;
  /// A stored name that begins with `first` may begin with `second` instead.
  std::vector<std::pair<std::string, std::string>> alternative_prefixes;
  /// Added to every norm.
  float norm_add = 0;

  const std::string& architecture() const { return architecture_; }
  /// "llama.rope.freq_base" for "rope.freq_base".
  std::string Key(std::string_view key) const { return StrCat(architecture_, ".", key); }
  void SetInt(std::string_view key, int64_t value);
  void SetFloat(std::string_view key, double value);

  /// Norm `name`.weight of `n` elements, from `stored`.weight.
  void Norm(const std::string& name, const std::string& stored, int64_t n);
  /// Matrix `name`.weight [out, in] from `stored`.weight, and `name`.bias [out] with it.
  void Linear(const std::string& name, const std::string& stored, int64_t out, int64_t in,
              bool bias = false, int64_t rotary_heads = 0);
  void Values(const std::string& name, std::vector<float> values);

 private:
  std::string architecture_;
};

/// Reads the sizes and writes the keys that all architectures share: general.*, sizes, the norm's
/// epsilon. The names are those of Llama's config, which most others took over. `head_dim` is
/// looked up, else hidden_size / num_attention_heads; its keys are written where it was given.
HfSizes DescribeSizes(HfConfig* config, HfModel* model);

/// token_embd, output_norm and, unless tied, output. `stored_prefix`: "model.".
void DescribeEmbeddings(const HfSizes& sizes, bool tied, const std::string& stored_prefix,
                        HfModel* model);

/// What the rotary embedding's keys need to know of the architecture.
struct HfRotary {
  double default_theta = 10000;
  double default_partial_factor = 1;
};

/// Writes rope.freq_base, rope.dimension_count and rope.scaling.*, from rope_parameters (also the
/// nested form, of which full_attention is taken) or from rope_theta and rope_scaling; llama3
/// scaling as rope_freqs.weight. Refuses kinds that are not known.
void DescribeRotary(const HfSizes& sizes, const HfRotary& rotary, HfConfig* config, HfModel* model);

/// The object that describes the rotary embedding of layers of `layer_type`; empty if there is
/// none.
HfConfig RotaryParameters(HfConfig* config, std::string_view layer_type);
/// Its base: in `parameters`, else `top_key` of config.json, else `fallback`.
double RotaryTheta(HfConfig* config, HfConfig* parameters, std::string_view top_key,
                   double fallback);

/// Refuses any activation but `expected` (hidden_act, hidden_activation).
void ExpectActivation(HfConfig* config, std::string_view expected);
/// Refuses a flag that is set: its meaning is not built.
void ExpectUnset(HfConfig* config, std::string_view flag);

/// Which layers see a window only, from layer_types or `pattern_key`, as
/// attention.sliding_window_pattern: nothing where it is every layer but each `default_period`-th,
/// else another period, or a bool per layer (true: window) where there is none.
void DescribeWindowPattern(const HfSizes& sizes, std::string_view pattern_key,
                           int64_t default_period, HfConfig* config, HfModel* model);

}  // namespace autoglm

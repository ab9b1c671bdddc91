// TrainableDecoder: the decoders of src/model in torch, with the same arithmetic, so that what is
// trained here computes the same there. Parameters keep the engine's orientation and row order;
// Q, K and V are one matrix, gate and up another.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "training/decoder_config.h"
#include "training/examples.h"
#include "training/torch.h"

namespace autoglm {

/// A leaf that requires its gradient.
struct Parameter {
  std::string name;  ///< "blk.0.attn_qkv.weight": GGUF's, with fused parts
  at::Tensor value;
  bool is_matrix = true;  ///< else a norm or bias: no weight decay, never quantized
};

class TrainableDecoder {
 public:
  /// Random weights: normal, with a standard deviation of 0.6 / sqrt(columns), of 0.02 for the
  /// embedding, and smaller by sqrt(2 * layers) where a layer writes to the residual stream.
  TrainableDecoder(const DecoderConfig& config, uint64_t seed);

  const DecoderConfig& config() const { return config_; }
  std::vector<Parameter>& parameters() { return parameters_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

  /// Replaces a weight on its way into the forward pass (fake quantization); identity where unset.
  using WeightTransform = std::function<at::Tensor(const Parameter& parameter)>;
  void set_weight_transform(WeightTransform transform) { transform_ = std::move(transform); }

  /// So much that no probability is left.
  static constexpr float kForbidden = 1e4F;

  /// What is wanted of a forward pass beside its logits; n rows, padding included.
  struct Trace {
    std::vector<at::Tensor> hidden;  ///< [n, hidden_size]: behind the embedding and each layer
    std::vector<at::Tensor> qkv;     ///< [n, q_rows + 2 * kv_rows] of each layer, before rotation
  };

  /// Logits [scored_rows, vocab_size] of a batch, lower by kForbidden outside its choices.
  /// kInvalidArgument-like conditions (ids outside the vocabulary, too many positions) are the
  /// caller's to exclude.
  at::Tensor Logits(const TokenBatch& batch, Trace* trace = nullptr) const;

  /// Turns every parameter into `type` (double for checks).
  void To(at::ScalarType type);

  /// Where a tensor as files hold it ("blk.0.attn_q.weight") is: rows of a parameter.
  struct FilePlace {
    int parameter = -1;  ///< of parameters(); -1: there is none of that name
    int64_t first = 0, n = 0;
  };
  FilePlace PlaceOf(const std::string& name) const;
  /// Its value, a view of the parameter; undefined if there is none of that name.
  at::Tensor FileValue(const std::string& name) const;

  /// Puts the values of a weight transform in the place of the weights, for good.
  void Bake(const WeightTransform& transform);

  /// Leaves layer `i` out of the forward pass (-1: none), to see what it is worth.
  void set_skipped_layer(int i) { skipped_layer_ = i; }

 private:
  struct Layer {
    int attn_norm, attn_qkv, attn_qkv_bias, attn_q_norm, attn_k_norm, attn_output, attn_output_bias,
        post_attention_norm, ffn_norm, ffn_up, ffn_down, post_ffw_norm;
  };

  int AddMatrix(const std::string& name, int64_t rows, int64_t cols, double deviation,
                uint64_t seed);
  int AddVector(const std::string& name, int64_t n, double value);
  void AddLayer(int i, uint64_t seed);
  at::Tensor Weight(int index) const;
  at::Tensor Attend(const Layer& layer, const at::Tensor& h, int n_positions, Trace* trace) const;
  at::Tensor NormalizeHeads(const Layer& layer, const at::Tensor& qkv) const;
  at::Tensor RunLayer(const Layer& layer, at::Tensor x, int n_positions, Trace* trace) const;
  int IndexOf(std::string_view name) const;
  std::string SourceName(const std::string& name) const;
  void MakeRotaryTable();

  DecoderConfig config_;
  std::vector<Parameter> parameters_;
  std::vector<Layer> layers_;
  int token_embd_ = -1, output_norm_ = -1, output_ = -1;
  at::Tensor cos_, sin_;  ///< [max_position_embeddings, rotary_dim / 2]
  WeightTransform transform_;
  int skipped_layer_ = -1;
};

}  // namespace autoglm

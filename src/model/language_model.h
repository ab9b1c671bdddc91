// LanguageModel: tokens in, logits out. Every architecture is one, and so is a vendor runtime that
// takes a whole model.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "backend/kv_layout.h"
#include "base/status.h"
#include "tensor/tensor.h"

namespace autoglm {

/// What every text model has. Names as in Hugging Face's config.json.
struct ModelConfig {
  std::string architecture;  ///< general.architecture: "llama"
  std::string name;          ///< general.name, may be empty
  int vocab_size = 0;
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_hidden_layers = 0;
  int num_attention_heads = 0;
  int num_key_value_heads = 0;
  int head_dim = 0;
  int max_position_embeddings = 0;  ///< the context that it was trained for
  float rms_norm_eps = 0;
};

/// One forward pass: rows of all sequences one after another.
struct Batch {
  std::span<const int32_t> tokens;       ///< [n_tokens], each in [0, vocab_size)
  std::span<const int32_t> positions;    ///< [n_tokens]
  KvBatch kv;                            ///< pages already extended by these tokens
  std::span<const int32_t> output_rows;  ///< rows whose logits are wanted, ascending
};

/// Called after the embedding (layer -1) and after each layer with the residual stream
/// F32 [n_tokens, hidden_size], and with layer num_hidden_layers what the last norm makes of the
/// rows whose logits are wanted, F32 [output_rows.size(), hidden_size].
using LayerObserver = std::function<void(int layer, const Tensor& hidden)>;

/// One forward pass runs at a time.
class LanguageModel {
 public:
  virtual ~LanguageModel() = default;

  virtual const ModelConfig& config() const = 0;

  /// The cache pages that Forward works on, for a cache of type `dtype`. kInvalidArgument where the
  /// model's head size does not allow it.
  virtual Result<KvLayout> kv_layout(DType dtype) const = 0;

  /// The most tokens that one Forward takes.
  virtual int max_batch_tokens() const = 0;
  virtual int max_output_rows() const = 0;

  /// Writes the keys and values of every token, and logits F32 [output_rows.size(), vocab_size].
  /// Allocates nothing.
  virtual Status Forward(const Batch& batch, const Tensor& logits) = 0;

  virtual void set_observer(LayerObserver observer) = 0;

  /// Bytes of weights held or mapped, and of the workspace.
  virtual int64_t weight_bytes() const = 0;
  virtual int64_t workspace_bytes() const = 0;

  /// Bytes of weights that a pass over one token reads: all but the rows of an embedding table that
  /// does not serve as output matrix too.
  virtual int64_t decode_weight_bytes() const { return weight_bytes(); }
};

}  // namespace autoglm

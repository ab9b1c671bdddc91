// Workspace: the activations of a forward pass, taken once for the largest batch.
#pragma once

#include "backend/backend.h"
#include "model/language_model.h"
#include "tensor/buffer.h"

namespace autoglm {

/// Views for one batch of n tokens; all F32 and contiguous. Blocks say what they read and write.
struct Activations {
  Tensor x;           ///< [n, hidden_size]: the residual stream
  Tensor h;           ///< [n, hidden_size]: a block's input and output
  Tensor q;           ///< [n, num_attention_heads * head_dim]
  Tensor k;           ///< [n, num_key_value_heads * head_dim]
  Tensor v;           ///< as k
  Tensor attn;        ///< as q: the attention's output
  Tensor gate;        ///< [n, intermediate_size]
  Tensor up;          ///< as gate
  Tensor rope;        ///< [n, rotary_dim]: cos and sin
  Tensor rope_local;  ///< a second table for architectures with two bases
  Tensor out;         ///< [n_out, hidden_size]: the rows whose logits are wanted
};

class Workspace {
 public:
  static Result<Workspace> Create(Backend& backend, const ModelConfig& config, int max_tokens,
                                  int max_output_rows);

  /// n <= max_tokens, n_out <= max_output_rows.
  Activations ForBatch(int n, int n_out, int rotary_dim) const;

  int max_tokens() const { return max_tokens_; }
  int max_output_rows() const { return max_output_rows_; }
  int64_t n_bytes() const { return static_cast<int64_t>(buffer_.n_bytes()); }
  /// What Create would take.
  static int64_t BytesFor(const ModelConfig& config, int max_tokens, int max_output_rows);

 private:
  Workspace(const ModelConfig& config, int max_tokens, int max_output_rows, Buffer buffer);

  ModelConfig config_;
  int max_tokens_;
  int max_output_rows_;
  Buffer buffer_;
};

}  // namespace autoglm

// The two ends of a decoder: token embedding and output projection, often one matrix.
#pragma once

#include "backend/op_stream.h"
#include "model/language_model.h"
#include "model/weight_binder.h"
#include "model/workspace.h"

namespace autoglm {

struct EmbeddingWeights {
  Weight token_embd;   ///< [vocab_size, hidden_size]
  Weight output_norm;  ///< [hidden_size]
  Weight output;       ///< [vocab_size, hidden_size]; token_embd where the file has no other
  Weight output_bias;  ///< [vocab_size]; mostly empty
};

EmbeddingWeights BindEmbedding(WeightBinder& binder, const ModelConfig& config);

/// a.x -> final norm and logits [n_out, vocab_size] of batch.output_rows. Uses a.out.
void Project(const EmbeddingWeights& w, const ModelConfig& config, const Batch& batch,
             const Activations& a, OpStream& s, const Tensor& logits);

}  // namespace autoglm

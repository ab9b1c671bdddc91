#include "model/blocks/embedding.h"

namespace autoglm {

EmbeddingWeights BindEmbedding(WeightBinder& binder, const ModelConfig& c) {
  EmbeddingWeights w;
  w.token_embd = binder.Matrix("token_embd.weight", c.vocab_size, c.hidden_size);
  w.output_norm = binder.Vector("output_norm.weight", c.hidden_size);
  w.output = binder.Has("output.weight")
                 ? binder.Matrix("output.weight", c.vocab_size, c.hidden_size)
                 : w.token_embd;
  w.output_bias = binder.OptionalVector("output.bias", c.vocab_size);
  return w;
}

void Project(const EmbeddingWeights& w, const ModelConfig& config, const Batch& batch,
             const Activations& a, OpStream& s, const Tensor& logits) {
  if (batch.output_rows.empty()) return;
  s.GatherRows(a.x, batch.output_rows, a.out);
  s.RmsNorm(a.out, w.output_norm, config.rms_norm_eps, a.out);
  const MatMulTerm term[] = {{&w.output, &w.output_bias, logits}};
  s.MatMul(a.out, term);
}

}  // namespace autoglm

#include "model/pre_norm_decoder.h"

#include <cmath>

namespace autoglm {

PreNormDecoder::PreNormDecoder(const ArchitectureInputs& in, RopeStyle rope_style)
    : Decoder(in.hparams.Common(), in.backend) {
  rope_ = in.hparams.Rope(rope_style, config_.head_dim);
  sliding_windows_ = in.hparams.SlidingWindows(config_.num_hidden_layers, 0);
  if (!in.hparams.status().ok()) return;
  embedding_ = BindEmbedding(in.weights, config_);
  layers_ = BindPreNormLayers(in.weights, config_);
}

AttentionOptions PreNormDecoder::Attention(int i, const Activations& a) const {
  AttentionSpec spec;
  spec.num_attention_heads = config_.num_attention_heads;
  spec.scale = 1 / std::sqrt(static_cast<float>(config_.head_dim));
  spec.sliding_window = sliding_windows_[i];
  return {spec, rope_.style, &a.rope};
}

void PreNormDecoder::Compute(const Batch& batch, const Activations& a, OpStream& s,
                             const Tensor& logits) {
  s.Embed(embedding_.token_embd, batch.tokens, 1, a.x);
  s.RopeTable(rope_, batch.positions, a.rope);
  Observe(-1, a.x);
  for (int i = 0; i < config_.num_hidden_layers; ++i) {
    RunLayer(layers_[i], config_, Attention(i, a), Activation::kSilu, i, batch, a, s);
    Observe(i, a.x);
  }
  Project(embedding_, config_, batch, a, s, logits);
}

}  // namespace autoglm

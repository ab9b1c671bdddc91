// Llama 1 to 3 and Mistral: pre-norm, rotary attention, gated SiLU.
// Source: Touvron et al. 2023; tensors in GGUF order, where Q and K rows are permuted so that the
// rotary embedding is interleaved.
#include <cmath>
#include <vector>

#include "model/blocks/attention.h"
#include "model/blocks/embedding.h"
#include "model/blocks/ffn.h"
#include "model/decoder.h"

namespace autoglm {

namespace {

class Llama final : public Decoder {
 public:
  explicit Llama(const ArchitectureInputs& in) : Decoder(in.hparams.Common(), in.backend) {
    rope_ = in.hparams.Rope(RopeStyle::kInterleaved, config_.head_dim);
    attention_.num_attention_heads = config_.num_attention_heads;
    attention_.scale = 1 / std::sqrt(static_cast<float>(config_.head_dim));
    attention_.sliding_window = in.hparams.Int("attention.sliding_window", 0);
    if (!in.hparams.status().ok()) return;
    embedding_ = BindEmbedding(in.weights, config_);
    for (int i = 0; i < config_.num_hidden_layers; ++i) {
      const std::string b = StrCat("blk.", i, ".");
      layers_.push_back({in.weights.Vector(b + "attn_norm.weight", config_.hidden_size),
                         BindAttention(in.weights, config_, i),
                         in.weights.Vector(b + "ffn_norm.weight", config_.hidden_size),
                         BindFfn(in.weights, config_, i)});
    }
  }

 private:
  struct Layer {
    Weight attn_norm;  // [hidden_size]
    AttentionWeights attn;
    Weight ffn_norm;  // [hidden_size]
    FfnWeights ffn;
  };

  int rotary_dim() const override { return rope_.rotary_dim(); }

  void Compute(const Batch& batch, const Activations& a, OpStream& s,
               const Tensor& logits) override {
    s.Embed(embedding_.token_embd, batch.tokens, 1, a.x);
    s.RopeTable(rope_, batch.positions, a.rope);
    Observe(-1, a.x);
    for (int i = 0; i < config_.num_hidden_layers; ++i) {
      const Layer& layer = layers_[i];
      s.RmsNorm(a.x, layer.attn_norm, config_.rms_norm_eps, a.h);
      Attend(layer.attn, config_, {attention_, rope_.style, &a.rope}, i, batch, a, s);
      s.Add(a.x, a.h);
      s.RmsNorm(a.x, layer.ffn_norm, config_.rms_norm_eps, a.h);
      FeedForward(layer.ffn, Activation::kSilu, a, s);
      s.Add(a.x, a.h);
      Observe(i, a.x);
    }
    Project(embedding_, config_, batch, a, s, logits);
  }

  RopeSpec rope_;
  AttentionSpec attention_;
  EmbeddingWeights embedding_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Decoder> LoadLlama(const ArchitectureInputs& in) {
  return std::make_unique<Llama>(in);
}

}  // namespace autoglm

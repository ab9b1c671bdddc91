// GLM-4-0414 and GLM-Z1: ChatGLM's attention and feed-forward between two norms each.
// Source: the GLM-4-0414 model cards (Zhipu AI, 2025); Hugging Face's glm4 documentation.
#include <cmath>
#include <vector>

#include "model/blocks/embedding.h"
#include "model/blocks/layer.h"
#include "model/decoder.h"

namespace autoglm {

namespace {

class Glm4 final : public Decoder {
 public:
  explicit Glm4(const ArchitectureInputs& in) : Decoder(in.hparams.Common(), in.backend) {
    rope_ = in.hparams.Rope(RopeStyle::kInterleaved, config_.head_dim);
    attention_.num_attention_heads = config_.num_attention_heads;
    attention_.scale = 1 / std::sqrt(static_cast<float>(config_.head_dim));
    if (!in.hparams.status().ok()) return;
    embedding_ = BindEmbedding(in.weights, config_);
    layers_ = BindSandwichLayers(in.weights, config_);
  }

 private:
  int rotary_dim() const override { return rope_.rotary_dim(); }

  void Compute(const Batch& batch, const Activations& a, OpStream& s,
               const Tensor& logits) override {
    s.Embed(embedding_.token_embd, batch.tokens, 1, a.x);
    s.RopeTable(rope_, batch.positions, a.rope);
    Observe(-1, a.x);
    for (int i = 0; i < config_.num_hidden_layers; ++i) {
      RunLayer(layers_[i], config_, {attention_, rope_.style, &a.rope}, Activation::kSilu, i, batch,
               a, s);
      Observe(i, a.x);
    }
    Project(embedding_, config_, batch, a, s, logits);
  }

  RopeSpec rope_;
  AttentionSpec attention_;
  EmbeddingWeights embedding_;
  std::vector<SandwichLayer> layers_;
};

}  // namespace

std::unique_ptr<Decoder> LoadGlm4(const ArchitectureInputs& in) {
  return std::make_unique<Glm4>(in);
}

}  // namespace autoglm

// Gemma 2: sandwich norms, gated GELU, soft caps on scores and logits, and every other layer with a
// sliding window. The norms' weights hold the "1 +" of the paper already, as in GGUF.
// Source: Gemma team 2024, "Gemma 2: Improving Open Language Models at a Practical Size".
#include <cmath>
#include <vector>

#include "model/blocks/embedding.h"
#include "model/blocks/layer.h"
#include "model/decoder.h"

namespace autoglm {

namespace {

class Gemma2 final : public Decoder {
 public:
  explicit Gemma2(const ArchitectureInputs& in) : Decoder(in.hparams.Common(), in.backend) {
    rope_ = in.hparams.Rope(RopeStyle::kHalf, config_.head_dim);
    attention_.num_attention_heads = config_.num_attention_heads;
    attention_.scale = in.hparams.AttentionScale(DefaultQueryScalar());
    attention_.softcap = in.hparams.Float("attn_logit_softcapping", 50);
    final_softcap_ = in.hparams.Float("final_logit_softcapping", 30);
    sliding_windows_ = in.hparams.SlidingWindows(config_.num_hidden_layers, 2);
    if (!in.hparams.status().ok()) return;
    embedding_ = BindEmbedding(in.weights, config_);
    layers_ = BindSandwichLayers(in.weights, config_);
  }

 private:
  // What scores are divided by the root of, where the file does not say (few do): the 27B model
  // differs from the others in it.
  int DefaultQueryScalar() const {
    const bool is_27b = config_.num_hidden_layers == 46;
    return is_27b ? config_.hidden_size / config_.num_attention_heads : config_.head_dim;
  }

  int rotary_dim() const override { return rope_.rotary_dim(); }

  void Compute(const Batch& batch, const Activations& a, OpStream& s,
               const Tensor& logits) override {
    const float embedding_scale = std::sqrt(static_cast<float>(config_.hidden_size));
    s.Embed(embedding_.token_embd, batch.tokens, embedding_scale, a.x);
    s.RopeTable(rope_, batch.positions, a.rope);
    Observe(-1, a.x);
    AttentionOptions attention{attention_, rope_.style, &a.rope};
    for (int i = 0; i < config_.num_hidden_layers; ++i) {
      attention.spec.sliding_window = sliding_windows_[i];
      RunLayer(layers_[i], config_, attention, Activation::kGeluTanh, i, batch, a, s);
      Observe(i, a.x);
    }
    Project(embedding_, config_, batch, a, s, logits);
    if (final_softcap_ > 0 && !batch.output_rows.empty()) s.SoftCap(logits, final_softcap_);
  }

  RopeSpec rope_;
  AttentionSpec attention_;
  float final_softcap_ = 0;
  std::vector<int> sliding_windows_;  // [num_hidden_layers], 0: none
  EmbeddingWeights embedding_;
  std::vector<SandwichLayer> layers_;
};

}  // namespace

std::unique_ptr<Decoder> LoadGemma2(const ArchitectureInputs& in) {
  return std::make_unique<Gemma2>(in);
}

}  // namespace autoglm

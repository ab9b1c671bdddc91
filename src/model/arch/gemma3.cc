// Gemma 3 (text): sandwich norms, norms of every query and key head, gated GELU; five layers with a
// sliding window and a rotary base of their own to each full one. The norms' weights hold the
// "1 +" of the paper already, as in GGUF.
// Source: Gemma team 2025, "Gemma 3 Technical Report".
#include <cmath>
#include <vector>

#include "model/blocks/embedding.h"
#include "model/blocks/layer.h"
#include "model/decoder.h"

namespace autoglm {

namespace {

class Gemma3 final : public Decoder {
 public:
  explicit Gemma3(const ArchitectureInputs& in) : Decoder(in.hparams.Common(), in.backend) {
    rope_ = in.hparams.Rope(RopeStyle::kHalf, config_.head_dim);
    rope_local_ = in.hparams.Rope(RopeStyle::kHalf, config_.head_dim,
                                  in.hparams.Float("rope.freq_base_swa", 10000));
    attention_.num_attention_heads = config_.num_attention_heads;
    attention_.scale = in.hparams.AttentionScale(DefaultQueryScalar());
    sliding_windows_ = in.hparams.SlidingWindows(config_.num_hidden_layers, 6);
    if (!in.hparams.status().ok()) return;
    embedding_ = BindEmbedding(in.weights, config_);
    layers_ = BindSandwichLayers(in.weights, config_);
  }

 private:
  // What scores are divided by the root of, where the file does not say (few do): the 27B model
  // differs from the others in it.
  int DefaultQueryScalar() const {
    const bool is_27b = config_.num_hidden_layers == 62;
    return is_27b ? config_.hidden_size / config_.num_attention_heads : config_.head_dim;
  }

  int rotary_dim() const override { return rope_.rotary_dim(); }

  void Compute(const Batch& batch, const Activations& a, OpStream& s,
               const Tensor& logits) override {
    const float embedding_scale = std::sqrt(static_cast<float>(config_.hidden_size));
    s.Embed(embedding_.token_embd, batch.tokens, embedding_scale, a.x);
    s.RopeTable(rope_, batch.positions, a.rope);
    s.RopeTable(rope_local_, batch.positions, a.rope_local);
    Observe(-1, a.x);
    AttentionOptions attention{attention_, rope_.style, nullptr};
    for (int i = 0; i < config_.num_hidden_layers; ++i) {
      attention.spec.sliding_window = sliding_windows_[i];
      attention.rope = sliding_windows_[i] > 0 ? &a.rope_local : &a.rope;
      RunLayer(layers_[i], config_, attention, Activation::kGeluTanh, i, batch, a, s);
      Observe(i, a.x);
    }
    Project(embedding_, config_, batch, a, s, logits);
  }

  RopeSpec rope_, rope_local_;
  AttentionSpec attention_;
  std::vector<int> sliding_windows_;  // [num_hidden_layers], 0: none
  EmbeddingWeights embedding_;
  std::vector<SandwichLayer> layers_;
};

}  // namespace

std::unique_ptr<Decoder> LoadGemma3(const ArchitectureInputs& in) {
  return std::make_unique<Gemma3>(in);
}

}  // namespace autoglm

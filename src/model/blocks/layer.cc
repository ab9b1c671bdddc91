#include "model/blocks/layer.h"

namespace autoglm {

std::vector<PreNormLayer> BindPreNormLayers(WeightBinder& binder, const ModelConfig& c) {
  std::vector<PreNormLayer> layers;
  // The count is the file's word alone until its tensors are found.
  for (int i = 0; i < c.num_hidden_layers && binder.status().ok(); ++i) {
    const std::string b = StrCat("blk.", i, ".");
    layers.push_back({binder.Vector(b + "attn_norm.weight", c.hidden_size),
                      BindAttention(binder, c, i),
                      binder.Vector(b + "ffn_norm.weight", c.hidden_size), BindFfn(binder, c, i)});
  }
  return layers;
}

std::vector<SandwichLayer> BindSandwichLayers(WeightBinder& binder, const ModelConfig& c) {
  std::vector<SandwichLayer> layers;
  for (int i = 0; i < c.num_hidden_layers && binder.status().ok(); ++i) {
    const std::string b = StrCat("blk.", i, ".");
    layers.push_back({binder.Vector(b + "attn_norm.weight", c.hidden_size),
                      BindAttention(binder, c, i),
                      binder.Vector(b + "post_attention_norm.weight", c.hidden_size),
                      binder.Vector(b + "ffn_norm.weight", c.hidden_size), BindFfn(binder, c, i),
                      binder.Vector(b + "post_ffw_norm.weight", c.hidden_size)});
  }
  return layers;
}

void RunLayer(const PreNormLayer& layer, const ModelConfig& config,
              const AttentionOptions& attention, Activation activation, int i, const Batch& batch,
              const Activations& a, OpStream& s) {
  s.RmsNorm(a.x, layer.attn_norm, config.rms_norm_eps, a.h);
  Attend(layer.attn, config, attention, i, batch, a, s);
  s.Add(a.x, a.h);
  s.RmsNorm(a.x, layer.ffn_norm, config.rms_norm_eps, a.h);
  FeedForward(layer.ffn, activation, a, s);
  s.Add(a.x, a.h);
}

void RunLayer(const SandwichLayer& layer, const ModelConfig& config,
              const AttentionOptions& attention, Activation activation, int i, const Batch& batch,
              const Activations& a, OpStream& s) {
  s.RmsNorm(a.x, layer.attn_norm, config.rms_norm_eps, a.h);
  Attend(layer.attn, config, attention, i, batch, a, s);
  s.RmsNorm(a.h, layer.post_attention_norm, config.rms_norm_eps, a.h);
  s.Add(a.x, a.h);
  s.RmsNorm(a.x, layer.ffn_norm, config.rms_norm_eps, a.h);
  FeedForward(layer.ffn, activation, a, s);
  s.RmsNorm(a.h, layer.post_ffw_norm, config.rms_norm_eps, a.h);
  s.Add(a.x, a.h);
}

}  // namespace autoglm

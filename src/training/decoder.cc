#include "training/decoder.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/rng.h"
#include "base/str.h"
#include "training/ops.h"

namespace autoglm {

namespace {

/// 0 for the choices of each row and kForbidden for the other tokens, in the shape of `logits`.
at::Tensor Forbidden(const TokenChoices& choices, const at::Tensor& logits) {
  at::Tensor mask = at::full(logits.sizes(), TrainableDecoder::kForbidden, at::kFloat);
  float* row = mask.data_ptr<float>();
  for (size_t i = 0; i < choices.ends.size(); ++i, row += logits.size(1)) {
    const auto list = choices.at(i);
    if (list.empty()) std::fill(row, row + logits.size(1), 0.0F);
    for (const int32_t id : list) row[id] = 0;
  }
  return mask.to(logits.scalar_type());
}

}  // namespace

TrainableDecoder::TrainableDecoder(const DecoderConfig& config, uint64_t seed) : config_(config) {
  const at::NoGradGuard no_grad;
  const DecoderConfig& c = config_;
  token_embd_ = AddMatrix("token_embd.weight", c.vocab_size, c.hidden_size, 0.02, seed);
  for (int i = 0; i < c.num_hidden_layers; ++i) AddLayer(i, seed);
  output_norm_ = AddVector("output_norm.weight", c.hidden_size, 1);
  output_ = c.tie_word_embeddings
                ? token_embd_
                : AddMatrix("output.weight", c.vocab_size, c.hidden_size, 0.02, seed);
  MakeRotaryTable();
}

int TrainableDecoder::AddMatrix(const std::string& name, int64_t rows, int64_t cols,
                                double deviation, uint64_t seed) {
  at::Tensor value = at::empty({rows, cols}, at::kFloat);
  // Each matrix draws from a generator of its own, so that shapes do not disturb one another.
  Rng rng(seed * 0xD1B54A32D192ED03u + parameters_.size());
  float* data = value.data_ptr<float>();
  for (int64_t i = 0; i < rows * cols; ++i) {
    data[i] = static_cast<float>(deviation * rng.NextGaussian());
  }
  parameters_.push_back({name, value.set_requires_grad(true), true});
  return static_cast<int>(parameters_.size()) - 1;
}

int TrainableDecoder::AddVector(const std::string& name, int64_t n, double value) {
  parameters_.push_back({name, at::full({n}, value, at::kFloat).set_requires_grad(true), false});
  return static_cast<int>(parameters_.size()) - 1;
}

void TrainableDecoder::AddLayer(int i, uint64_t seed) {
  const DecoderConfig& c = config_;
  if (const int source = c.source_of(i); source != i) {
    layers_.push_back(layers_[static_cast<size_t>(source)]);
    return;
  }
  const std::string b = StrCat("blk.", i, ".");
  const auto deviation = [](int64_t cols) { return 0.6 / std::sqrt(static_cast<double>(cols)); };
  const double residual = 1 / std::sqrt(2.0 * c.num_hidden_layers);
  const int n_qkv = c.q_rows() + 2 * c.kv_rows();
  Layer layer;
  layer.attn_norm = AddVector(b + "attn_norm.weight", c.hidden_size, 1);
  layer.attn_qkv =
      AddMatrix(b + "attn_qkv.weight", n_qkv, c.hidden_size, deviation(c.hidden_size), seed);
  layer.attn_qkv_bias = c.attention_bias ? AddVector(b + "attn_qkv.bias", n_qkv, 0) : -1;
  layer.attn_q_norm = c.has_head_norms() ? AddVector(b + "attn_q_norm.weight", c.head_dim, 1) : -1;
  layer.attn_k_norm = c.has_head_norms() ? AddVector(b + "attn_k_norm.weight", c.head_dim, 1) : -1;
  layer.attn_output = AddMatrix(b + "attn_output.weight", c.hidden_size, c.q_rows(),
                                residual * deviation(c.q_rows()), seed);
  layer.attn_output_bias =
      c.has_output_bias() ? AddVector(b + "attn_output.bias", c.hidden_size, 0) : -1;
  layer.post_attention_norm =
      c.has_sandwich_norms() ? AddVector(b + "post_attention_norm.weight", c.hidden_size, 1) : -1;
  layer.ffn_norm = AddVector(b + "ffn_norm.weight", c.hidden_size, 1);
  layer.ffn_up = AddMatrix(b + "ffn_up.weight", 2 * c.intermediate_size, c.hidden_size,
                           deviation(c.hidden_size), seed);
  layer.ffn_down = AddMatrix(b + "ffn_down.weight", c.hidden_size, c.intermediate_size,
                             residual * deviation(c.intermediate_size), seed);
  layer.post_ffw_norm =
      c.has_sandwich_norms() ? AddVector(b + "post_ffw_norm.weight", c.hidden_size, 1) : -1;
  layers_.push_back(layer);
}

void TrainableDecoder::MakeRotaryTable() {
  const int64_t n_pairs = config_.rotary_dim / 2, n = config_.max_position_embeddings;
  cos_ = at::empty({n, n_pairs}, at::kFloat);
  sin_ = at::empty({n, n_pairs}, at::kFloat);
  for (int64_t p = 0; p < n; ++p) {
    for (int64_t i = 0; i < n_pairs; ++i) {
      const double frequency =
          std::pow(config_.rope_theta, -2.0 * static_cast<double>(i) / config_.rotary_dim);
      const double angle = static_cast<double>(p) * frequency;
      cos_.data_ptr<float>()[p * n_pairs + i] = static_cast<float>(std::cos(angle));
      sin_.data_ptr<float>()[p * n_pairs + i] = static_cast<float>(std::sin(angle));
    }
  }
}

void TrainableDecoder::To(at::ScalarType type) {
  for (Parameter& parameter : parameters_) {
    parameter.value = parameter.value.detach().to(type).set_requires_grad(true);
  }
  cos_ = cos_.to(type);
  sin_ = sin_.to(type);
}

at::Tensor TrainableDecoder::Weight(int index) const {
  const Parameter& parameter = parameters_[static_cast<size_t>(index)];
  return transform_ ? transform_(parameter) : parameter.value;
}

at::Tensor TrainableDecoder::NormalizeHeads(const Layer& layer, const at::Tensor& qkv) const {
  const DecoderConfig& c = config_;
  const auto normalized = [&](const at::Tensor& heads, int norm) {
    const at::Tensor rows = heads.reshape({-1, c.head_dim});
    return RmsNorm(rows, Weight(norm), c.rms_norm_eps).view({heads.size(0), heads.size(1)});
  };
  const auto parts = qkv.split_with_sizes({c.q_rows(), c.kv_rows(), c.kv_rows()}, 1);
  return at::cat(
      {normalized(parts[0], layer.attn_q_norm), normalized(parts[1], layer.attn_k_norm), parts[2]},
      1);
}

at::Tensor TrainableDecoder::Attend(const Layer& layer, const at::Tensor& h, int n_positions,
                                    Trace* trace) const {
  const DecoderConfig& c = config_;
  const HeadLayout heads = {c.num_attention_heads, c.num_key_value_heads, c.head_dim, c.rotary_dim,
                            c.rope_is_interleaved()};
  const at::Tensor weight = Weight(layer.attn_qkv).t();
  at::Tensor qkv = layer.attn_qkv_bias >= 0 ? at::addmm(Weight(layer.attn_qkv_bias), h, weight)
                                            : at::mm(h, weight);
  if (c.has_head_norms()) qkv = NormalizeHeads(layer, qkv);
  if (trace != nullptr) trace->qkv.push_back(qkv);
  const at::Tensor mixed = Attention(qkv, cos_, sin_, heads, n_positions);
  const at::Tensor output = Weight(layer.attn_output).t();
  return layer.attn_output_bias >= 0 ? at::addmm(Weight(layer.attn_output_bias), mixed, output)
                                     : at::mm(mixed, output);
}

at::Tensor TrainableDecoder::RunLayer(const Layer& layer, at::Tensor x, int n_positions,
                                      Trace* trace) const {
  const double eps = config_.rms_norm_eps;
  at::Tensor h = Attend(layer, RmsNorm(x, Weight(layer.attn_norm), eps), n_positions, trace);
  if (layer.post_attention_norm >= 0) h = RmsNorm(h, Weight(layer.post_attention_norm), eps);
  x = x + h;
  h = at::mm(RmsNorm(x, Weight(layer.ffn_norm), eps), Weight(layer.ffn_up).t());
  h = at::mm(SwiGlu(h), Weight(layer.ffn_down).t());
  if (layer.post_ffw_norm >= 0) h = RmsNorm(h, Weight(layer.post_ffw_norm), eps);
  return x + h;
}

at::Tensor TrainableDecoder::Logits(const TokenBatch& batch, Trace* trace) const {
  const at::Tensor tokens = at::from_blob(const_cast<int32_t*>(batch.tokens.data()),
                                          {static_cast<int64_t>(batch.tokens.size())}, at::kInt)
                                .to(at::kLong);
  const at::Tensor rows = at::from_blob(const_cast<int32_t*>(batch.scored_rows.data()),
                                        {static_cast<int64_t>(batch.scored_rows.size())}, at::kInt)
                              .to(at::kLong);
  at::Tensor x = at::embedding(Weight(token_embd_), tokens);
  if (trace != nullptr) trace->hidden.push_back(x);
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (static_cast<int>(i) == skipped_layer_) continue;
    x = RunLayer(layers_[i], x, batch.n_positions, trace);
    if (trace != nullptr) trace->hidden.push_back(x);
  }
  const at::Tensor scored = at::index_select(x, 0, rows);
  const at::Tensor h = RmsNorm(scored, Weight(output_norm_), config_.rms_norm_eps);
  const at::Tensor logits = at::mm(h, Weight(output_).t());
  return batch.choices.ends.empty() ? logits : logits - Forbidden(batch.choices, logits);
}

int TrainableDecoder::IndexOf(std::string_view name) const {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (parameters_[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

std::string TrainableDecoder::SourceName(const std::string& name) const {
  constexpr std::string_view kBlock = "blk.";
  int layer = -1;
  if (!name.starts_with(kBlock)) return name;
  const char* end =
      std::from_chars(name.data() + kBlock.size(), name.data() + name.size(), layer).ptr;
  if (layer < 0 || layer >= config_.num_hidden_layers) return name;
  return StrCat(kBlock, config_.source_of(layer),
                std::string_view(end, static_cast<size_t>(name.data() + name.size() - end)));
}

TrainableDecoder::FilePlace TrainableDecoder::PlaceOf(const std::string& file_name) const {
  const DecoderConfig& c = config_;
  const std::string name = SourceName(file_name);
  const bool is_half = !c.files_fuse_gate_up() && name.ends_with("ffn_up.weight");
  if (const int index = IndexOf(name); index >= 0 && !is_half) {
    return {index, 0, parameters_[static_cast<size_t>(index)].value.size(0)};
  }
  struct Part {
    std::string_view ending, fused;
    int64_t first, n;
  };
  const Part parts[] = {{".attn_q", ".attn_qkv", 0, c.q_rows()},
                        {".attn_k", ".attn_qkv", c.q_rows(), c.kv_rows()},
                        {".attn_v", ".attn_qkv", c.q_rows() + c.kv_rows(), c.kv_rows()},
                        {".ffn_gate", ".ffn_up", 0, c.intermediate_size},
                        {".ffn_up", ".ffn_up", c.intermediate_size, c.intermediate_size}};
  const size_t dot = std::min(name.rfind('.'), name.size());
  const std::string_view stem = std::string_view(name).substr(0, dot);
  for (const Part& part : parts) {
    if (!stem.ends_with(part.ending)) continue;
    const std::string_view front = stem.substr(0, stem.size() - part.ending.size());
    const int index = IndexOf(StrCat(front, part.fused, name.substr(dot)));
    if (index >= 0) return {index, part.first, part.n};
  }
  return {};
}

at::Tensor TrainableDecoder::FileValue(const std::string& name) const {
  const FilePlace place = PlaceOf(name);
  if (place.parameter < 0) return {};
  const at::Tensor& value = parameters_[static_cast<size_t>(place.parameter)].value;
  return value.detach().narrow(0, place.first, place.n);
}

void TrainableDecoder::Bake(const WeightTransform& transform) {
  const at::NoGradGuard no_grad;
  for (Parameter& parameter : parameters_) {
    if (parameter.is_matrix) parameter.value.copy_(transform(parameter));
  }
}

}  // namespace autoglm

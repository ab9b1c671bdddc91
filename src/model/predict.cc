#include "model/predict.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <string>
#include <string_view>

#include "formats/layer_sources.h"
#include "model/hparams.h"

namespace autoglm {
namespace {

// Seconds for `amount` of work; nothing is free of a rate that is not known.
double Time(double amount, double rate, bool* known) {
  if (amount <= 0) return 0;
  if (rate <= 0) *known = false;
  return rate > 0 ? amount / rate : 0;
}

// Seconds for arithmetic on `n_tokens` tokens, `n_outputs` of them with logits.
double ArithmeticTime(const ModelCost& cost, const MachineRates& machine, double n_tokens,
                      double n_outputs, double n_pairs, bool* known) {
  const double head = n_outputs * static_cast<double>(cost.head_weights);
  const double int8 =
      n_tokens * static_cast<double>(cost.int8_weights) + (cost.head_is_quantized ? head : 0);
  const double floats =
      n_tokens * static_cast<double>(cost.float_weights) + (cost.head_is_quantized ? 0 : head);
  const double attention = n_pairs * static_cast<double>(cost.attention_flops_per_pair);
  return Time(2 * int8, machine.int8_ops_per_s, known) +
         Time(2 * floats + attention, machine.fp32_flops_per_s, known);
}

/// How many layers compute with a tensor: several where layers share weights (`layer_sources`, as
/// kLayerSourcesKey has them; else empty).
int64_t NumUses(std::string_view name, std::span<const int64_t> layer_sources) {
  constexpr std::string_view kBlock = "blk.";
  if (layer_sources.empty() || !name.starts_with(kBlock)) return 1;
  int64_t layer = -1;
  std::from_chars(name.data() + kBlock.size(), name.data() + name.size(), layer);
  return std::count(layer_sources.begin(), layer_sources.end(), layer);
}

}  // namespace

Result<ModelCost> CostOf(const ModelFile& file, DType kv_dtype) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::string_view architecture,
                           file.metadata().GetString("general.architecture"));
  Hparams hparams(file, architecture);
  const ModelConfig config = hparams.Common();
  AUTOGLM_RETURN_IF_ERROR(hparams.status());
  std::span<const int64_t> layer_sources;
  if (file.metadata().Has(kLayerSourcesKey)) {
    AUTOGLM_ASSIGN_OR_RETURN(layer_sources, file.metadata().GetInts(kLayerSourcesKey));
  }

  ModelCost cost;
  const TensorEntry* embedding = file.Find("token_embd.weight");
  const TensorEntry* output = file.Find("output.weight");
  const TensorEntry* head = output != nullptr ? output : embedding;
  for (const TensorEntry& tensor : file.tensors()) {
    // Of a table of its own, one row is read.
    if (&tensor == embedding && output != nullptr) continue;
    const int64_t n_uses = NumUses(tensor.name, layer_sources);
    cost.decode_weight_bytes += n_uses * tensor.n_bytes();
    if (tensor.shape.rank() < 2) continue;
    const int64_t n = n_uses * tensor.shape.n_elements();
    if (&tensor == head) {
      cost.head_weights = n;
      cost.head_is_quantized = !IsFloat(tensor.dtype);
    } else {
      (IsFloat(tensor.dtype) ? cost.float_weights : cost.int8_weights) += n;
    }
  }
  const int64_t head_dim = config.head_dim;
  const int64_t layers = config.num_hidden_layers;
  cost.kv_bytes_per_token = 2 * layers * config.num_key_value_heads * RowBytes(kv_dtype, head_dim);
  cost.attention_flops_per_pair = 4 * head_dim * layers * config.num_attention_heads;
  return cost;
}

double PredictDecode(const ModelCost& cost, const MachineRates& machine, int64_t depth) {
  bool known = true;
  const double n_bytes = static_cast<double>(cost.decode_weight_bytes) +
                         static_cast<double>(depth) * static_cast<double>(cost.kv_bytes_per_token);
  const double memory = Time(n_bytes, machine.read_bytes_per_s, &known);
  const double arithmetic = ArithmeticTime(cost, machine, 1, 1, static_cast<double>(depth), &known);
  const double seconds = std::max(memory, arithmetic);
  return known && seconds > 0 ? 1 / seconds : 0;
}

double PredictPrefill(const ModelCost& cost, const MachineRates& machine, int64_t n_tokens,
                      int64_t depth, int64_t batch_tokens) {
  if (n_tokens <= 0 || batch_tokens <= 0) return 0;
  bool known = true;
  const auto n = static_cast<double>(n_tokens);
  const int64_t n_batches = (n_tokens + batch_tokens - 1) / batch_tokens;
  const double n_pairs = n * static_cast<double>(depth) + n * (n + 1) / 2;
  // A batch reads all weights, and the keys and values of everything before it and of itself.
  const double n_cached = static_cast<double>(n_batches) * static_cast<double>(depth) +
                          static_cast<double>(n_batches) * n / 2;
  const double n_bytes =
      static_cast<double>(n_batches) * static_cast<double>(cost.decode_weight_bytes) +
      n_cached * static_cast<double>(cost.kv_bytes_per_token);
  const double memory = Time(n_bytes, machine.read_bytes_per_s, &known);
  const double arithmetic = ArithmeticTime(cost, machine, n, 1, n_pairs, &known);
  const double seconds = std::max(memory, arithmetic);
  return known && seconds > 0 ? n / seconds : 0;
}

}  // namespace autoglm

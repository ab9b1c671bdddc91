// How fast a model can be on a machine, at best: the roofline model (S. Williams, A. Waterman,
// D. Patterson, "Roofline: an insightful visual performance model for multicore architectures",
// CACM 52(4), 2009). Work takes as long as its memory traffic or its arithmetic, whichever is
// longer.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "formats/model_file.h"

namespace autoglm {

/// What one token costs a model. A weight of a matrix is one multiplication and one addition for
/// each token; the output matrix (head) works only for tokens whose logits are wanted.
struct ModelCost {
  int64_t decode_weight_bytes = 0;  ///< of weights, read for each token that is written
  int64_t int8_weights = 0;         ///< in matrices of a quantized type, without the head
  int64_t float_weights = 0;        ///< in matrices of a floating-point type, without the head
  int64_t head_weights = 0;
  bool head_is_quantized = false;
  int64_t kv_bytes_per_token = 0;  ///< that a token leaves in the cache, all layers
  /// Floating-point operations of a query with one key and its value, all layers and heads:
  /// 2 * head_dim for the score and as many for the sum, times heads and layers.
  int64_t attention_flops_per_pair = 0;
};

/// From the tensors and metadata; nothing is read but the file's beginning. `kv_dtype`: of the
/// cache. Errors: as loading the model would report them (kInvalidArgument, kUnimplemented).
Result<ModelCost> CostOf(const ModelFile& file, DType kv_dtype = DType::kF16);

/// The machine's limits, all threads together.
struct MachineRates {
  double read_bytes_per_s = 0;
  double int8_ops_per_s = 0;
  double fp32_flops_per_s = 0;
};

/// Tokens written per second with `depth` tokens in the context:
///   memory     = (decode_weight_bytes + depth * kv_bytes_per_token) / read_bytes_per_s
///   arithmetic = 2 * (int8_weights + head) / int8_ops_per_s
///              + (2 * float_weights + depth * attention_flops_per_pair) / fp32_flops_per_s
///   1 / max(memory, arithmetic)
/// 0 where a rate that is needed is not known.
double PredictDecode(const ModelCost& cost, const MachineRates& machine, int64_t depth);

/// Tokens read per second, for `n_tokens` of them after `depth` others: the same for all tokens
/// together, with the weights read once for each `batch_tokens`, the head computed once, and
/// n * depth + n * (n + 1) / 2 pairs in attention.
double PredictPrefill(const ModelCost& cost, const MachineRates& machine, int64_t n_tokens,
                      int64_t depth = 0, int64_t batch_tokens = 512);

}  // namespace autoglm

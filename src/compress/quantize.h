// Writes a model with smaller weights, with all that helps them to stay right: an importance
// matrix, error correction over a text, types chosen tensor by tensor.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "compress/gptq.h"
#include "compress/imatrix.h"
#include "compress/probed_model.h"
#include "formats/model_file.h"
#include "quant/recipe.h"

namespace autoglm {

struct QuantizeOptions {
  std::function<DType(const TensorEntry&)> choose;  ///< as ConvertOptions
  std::optional<uint32_t> file_type;                ///< as ConvertOptions
  const ImportanceMatrix* importance = nullptr;     ///< of this model; null: errors weigh alike
  /// The text over which errors are corrected (GPTQ) in tensors that get at most 6 bits; null: each
  /// weight is rounded to its nearest.
  const CalibrationText* correct_over = nullptr;
  GptqOptions gptq;
  int64_t max_hessian_bytes = int64_t{1} << 30;  ///< see HessianSource
  int n_threads = 1;
  bool allow_requantize = false;
  std::vector<std::pair<std::string, std::string>> strings = {};  ///< as ConvertOptions
  /// What is being done, how much of it and all; false cancels.
  std::function<bool(const char* what, int64_t done, int64_t total)> progress;
};

/// `out` appears when complete or not at all. Errors as WriteGguf; kInvalidArgument where the
/// importance matrix is of another model, or the text cannot be used.
Status QuantizeModel(const ModelFile& in, const std::string& out, const QuantizeOptions& options);

}  // namespace autoglm

// A type for each tensor so that a model fits a size and suffers least: what an error in a tensor
// does to the model's predictions is measured on a text, then bits go where they help most.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "compress/imatrix.h"
#include "compress/probed_model.h"
#include "formats/convert.h"
#include "formats/model_file.h"
#include "tensor/dtype.h"

namespace autoglm {

/// What one tensor can become: in bytes, with what loss.
struct TypeOption {
  DType dtype = DType::kF32;
  int64_t n_bytes = 0;
  double loss = 0;  ///< predicted divergence from the original, nats per token
};

struct TensorOptions {
  std::string name;
  int64_t n_elements = 0;
  std::vector<TypeOption> options;  ///< at least one
};

/// The choice of least total loss whose bytes stay within `budget_bytes`, as indices into each
/// tensor's options: from the smallest on, always the step that gains most for its bytes (exact but
/// for the last steps, where the options of a tensor are convex). kResourceExhausted, with the
/// least that is possible, where even that is too much.
Result<std::vector<size_t>> ChooseWithinBudget(const std::vector<TensorOptions>& tensors,
                                               int64_t budget_bytes);

struct MixedTypesRequest {
  std::optional<int64_t> file_bytes;      ///< the most the whole file may take; or
  std::optional<double> bits_per_weight;  ///< tensors' bits over their elements, on average
  /// Of this model; errors of columns count by it.
  const ImportanceMatrix* importance = nullptr;
  const CalibrationText* text = nullptr;  ///< on which sensitivity is measured
  int n_threads = 1;
  bool allow_requantize = false;
  std::function<bool(const char* what, int64_t done, int64_t total)> progress = {};
};

struct MixedTypes {
  std::vector<TensorOptions> tensors;  ///< those with a choice, in the file's order
  std::vector<size_t> chosen;          ///< an index into the options of each
  int64_t file_bytes = 0;
  double loss = 0;  ///< predicted, all together

  /// What a tensor shall be; its own type where there was no choice.
  DType TypeOf(const TensorEntry& tensor) const;
  /// general.file_type: of the recipe that names the type of most weights.
  uint32_t FileType() const;
  /// One row for each tensor, as Markdown.
  std::string Table() const;
};

/// Sensitivity of a tensor: the model reads the text with that one tensor rounded to 4 bits; the
/// divergence of its predictions from the original's, over the weighted squared error of the
/// rounding, is taken to hold for other types' errors, too (both are quadratic in small errors).
/// Errors: ChooseWithinBudget's, those of reading, kInvalidArgument where neither or both limits
/// are given or the importance matrix is of another model.
Result<MixedTypes> PlanMixedTypes(const ModelFile& in, const MixedTypesRequest& request);

}  // namespace autoglm

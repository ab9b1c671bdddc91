// Loading a LanguageModel out of a ModelFile.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/status.h"
#include "formats/model_file.h"
#include "model/language_model.h"

namespace autoglm {

class Backend;
class ThreadPool;

/// Where the matrices of a model lie that stay in their stored type.
enum class WeightPlace {
  kAuto,    ///< kCopied where the system has large pages and twice the memory is available
  kMapped,  ///< in the mapped file: ready at once, shared by processes, dropped when memory is
            ///< short
  kCopied,  ///< in memory of large pages: a tenth faster to read, as fewer addresses are translated
};

struct LoadOptions {
  /// Quantize (or convert) weights while loading: a recipe's name ("int8", "int4", "f16", or a
  /// file type as "q4_k_m"); empty: as stored. Weights that are already quantized stay as they
  /// are.
  std::string quantize;
  WeightPlace weights = WeightPlace::kAuto;
  /// The context that sequences will be given; models whose rotary embedding depends on it
  /// (LongRoPE) choose by it. 0: what the model was trained for.
  int n_ctx = 0;
  int max_batch_tokens = 512;
  int max_output_rows = 512;
  /// Refuse (kResourceExhausted, with the figures) where weights, workspace and `kv_bytes` together
  /// exceed this; none: do not check.
  std::optional<int64_t> available_bytes;
  int64_t kv_bytes = 0;  ///< what the caller will take for the cache
  std::function<void(int64_t done_bytes, int64_t total_bytes)> progress;
  Logger log;
};

/// Reads general.architecture, finds its row in arch/architectures.inc and binds every tensor.
/// `file`, `backend` and `threads` must outlive the model. Errors: kUnimplemented (architecture
/// unknown: the message lists those known), kNotFound / kInvalidArgument (a tensor is missing or
/// of the wrong shape), kResourceExhausted.
Result<std::unique_ptr<LanguageModel>> LoadLanguageModel(const ModelFile& file, Backend& backend,
                                                         ThreadPool& threads,
                                                         const LoadOptions& options);

}  // namespace autoglm

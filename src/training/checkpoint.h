// Checkpoint: everything that a training run needs to go on as if it had never stopped, in one
// safetensors file.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/status.h"
#include "training/adamw.h"
#include "training/decoder.h"

namespace autoglm {

/// Where a run is. The order of the data follows from seed and epoch.
struct TrainingState {
  int64_t step = 0;   ///< updates done
  int64_t epoch = 0;  ///< that the next batch is of
  int64_t batch = 0;  ///< of this epoch, that is next
  int64_t n_tokens = 0;
  double seconds = 0;
  double best_valid_loss = std::numeric_limits<double>::infinity();
  int64_t n_validations_since_best = 0;
  std::string run;  ///< what must be the same for a run to go on: model, data, options
};

/// Writes parameters, moments, the best parameters so far (none where empty) and state. `path`
/// holds the old checkpoint or the new one, never a part. Errors: those of FileWriter.
Status SaveCheckpoint(const std::string& path, const std::vector<Parameter>& parameters,
                      AdamW& optimizer, const std::vector<at::Tensor>& best,
                      const TrainingState& state);

/// The way back. kFailedPrecondition where it is of another run than `expected_run` (the message
/// tells both), kDataLoss for a damaged file, kNotFound if there is none.
Result<TrainingState> LoadCheckpoint(const std::string& path, const std::string& expected_run,
                                     std::vector<Parameter>* parameters, AdamW* optimizer,
                                     std::vector<at::Tensor>* best);

}  // namespace autoglm

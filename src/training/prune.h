// The verb `prune`: a plain dense model of a smaller shape, made of the parts of a trained one that
// count most, and trained on for a little while.
#pragma once

#include <functional>
#include <memory>

#include "quant/recipe.h"
#include "training/importance.h"
#include "training/train.h"

namespace autoglm {

/// What may become smaller.
struct PruneParts {
  bool ffn = true;      ///< channels of the feed-forward blocks, by 32
  bool heads = true;    ///< key-value heads, each with its query heads
  bool layers = false;  ///< whole ones
  bool hidden = false;  ///< the residual stream, by 32
};

struct PruneOptions : TrainingOptions {
  std::string model;
  PruneParts parts;
  // One of these is given (above 0).
  double ratio = 0;          ///< of all parameters, to be taken away
  int64_t n_parameters = 0;  ///< to be left, at most
  double file_mb = 0;        ///< of weights as `type`, at most
  double latency_ms = 0;     ///< for a token on this machine with one thread, predicted, at most
  std::string type = "q8_0";
  int n_rounds = 1;  ///< prunings, each followed by training.n_steps of healing
  int n_calibration_batches = 8;
  double teacher_weight = 0.5;  ///< of the original model's opinion while healing; 0: data only
};

/// The largest shape that lies on the way from `config` to the smallest one, all of `parts` shrunk
/// alike, and measures at most `limit`. kInvalidArgument where even the smallest measures more.
Result<DecoderConfig> ShapeWithin(const DecoderConfig& config, const PruneParts& parts,
                                  const std::function<double(const DecoderConfig&)>& measure,
                                  double limit);

/// A decoder of shape `config`, no larger anywhere, of the most important parts of `decoder`.
std::unique_ptr<TrainableDecoder> PruneTo(const TrainableDecoder& decoder,
                                          const Importance& importance,
                                          const DecoderConfig& config);

/// Bytes of the weights when they are written as `recipe` says.
Result<int64_t> WeightBytes(const DecoderConfig& config, const Recipe& recipe);

struct PruneResult {
  TrainerResult training;  ///< of the last round
  int64_t n_parameters_before = 0, n_parameters = 0;
  double loss_before = 0;  ///< on the validation data; 0 without
  double loss_pruned = 0;  ///< in the last round, before healing
};

/// Errors as TrainModel; kInvalidArgument for a target that leaves nothing.
Result<PruneResult> PruneModel(const PruneOptions& options, const Logger& log,
                               const std::function<void(const TrainerProgress&)>& progress);

}  // namespace autoglm

// The verb `qat`: a model trained on with its weights rounded as its file will have them.
#pragma once

#include "quant/recipe.h"
#include "training/train.h"

namespace autoglm {

struct QatOptions : TrainingOptions {
  std::string model;  ///< to go on from
  std::string type;   ///< "q8_0", "q4_0": a name of quant/recipe.h
};

struct QatResult {
  TrainerResult training;
  /// Losses on the validation data (0 without): of the model as it was, and of the same rounded.
  double float_loss = 0, rounded_loss = 0;
};

/// Writes in the folder: model.gguf of that type; the same weights as float32 for Hugging Face, so
/// that transformers computes what the engine does; unrounded.gguf, to train on from. Errors as
/// TrainModel; kInvalidArgument for a type that there is no recipe for.
Result<QatResult> QatModel(const QatOptions& options, const Logger& log,
                           const std::function<void(const TrainerProgress&)>& progress);

/// `decoder` as a GGUF file of the recipe's types, made from unrounded.gguf, which it writes
/// beside.
Status SaveQuantized(const TrainableDecoder& decoder, const TokenizerPart& text,
                     const Recipe& recipe, const std::string& path, const ExtraMetadata& extra);

}  // namespace autoglm

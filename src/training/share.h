// The verb `share`: groups of layers that compute with one set of weights, stored and loaded once.
// Source: Lan et al. 2020, "ALBERT"; Bae et al. 2024, "Relaxed Recursive Transformers", for
// starting from the layers of a trained model.
#pragma once

#include "training/train.h"

namespace autoglm {

struct ShareOptions : TrainingOptions {
  std::string model;
  int group_size = 2;           ///< so many layers in a row share
  double teacher_weight = 0.7;  ///< of the original model's opinion while healing; 0: data only
};

struct ShareResult {
  TrainerResult training;
  int64_t n_parameters_before = 0, n_parameters = 0;
  double loss_before = 0, loss_shared = 0;  ///< on the validation data, the second before healing
};

/// A decoder whose layers share in groups, each with the mean of its layers' weights, or with the
/// weights of its first: whichever gives the smaller loss on `examples`.
std::unique_ptr<TrainableDecoder> ShareLayers(const TrainableDecoder& decoder, int group_size,
                                              const ExampleSet& examples, int64_t batch_tokens);

/// model.gguf holds shared tensors once (see formats/layer_sources.h); the Hugging Face folder
/// repeats them, as transformers knows no such thing. Errors as TrainModel.
Result<ShareResult> ShareModel(const ShareOptions& options, const Logger& log,
                               const std::function<void(const TrainerProgress&)>& progress);

}  // namespace autoglm

// What each part of a decoder is worth, measured on calibration data: what pruning goes by.
// Source: Molchanov et al. 2019, "Importance Estimation for Neural Network Pruning" (first-order
// Taylor expansion); Ma et al. 2023, "LLM-Pruner", for groups of a decoder.
#pragma once

#include <vector>

#include "training/decoder.h"

namespace autoglm {

/// By how much the loss is expected to rise without a part: the absolute sum of activation times
/// gradient, averaged over batches. Layers are measured: the rise of the loss without each.
struct Importance {
  std::vector<std::vector<double>> ffn;     ///< [num_hidden_layers][intermediate_size]
  std::vector<std::vector<double>> groups;  ///< [num_hidden_layers][num_key_value_heads]
  std::vector<double> hidden;               ///< [hidden_size]
  std::vector<double> layers;               ///< [num_hidden_layers]
};

/// Uses at most `n_batches` batches of `batch_tokens`. Leaves no gradients behind.
Importance MeasureImportance(TrainableDecoder* decoder, const ExampleSet& examples,
                             int64_t batch_tokens, int n_batches);

}  // namespace autoglm

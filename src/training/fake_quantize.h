// Fake quantization: weights rounded on their way into the forward pass exactly as the engine's
// files round them, with gradients that pass as if they were not. Source: Bengio et al. 2013,
// "Estimating or Propagating Gradients Through Stochastic Neurons" (the straight-through
// estimator); Jacob et al. 2018, "Quantization and Training of Neural Networks".
#pragma once

#include <vector>

#include "base/status.h"
#include "quant/recipe.h"
#include "tensor/dtype.h"
#include "training/decoder.h"

namespace autoglm {

/// decode(encode(x)) of src/quant for rows of x [rows, cols]; the gradient is handed through.
/// cols: a multiple of the type's block.
at::Tensor FakeQuantize(const at::Tensor& x, DType dtype);

/// Rounds every matrix to the type that `recipe` gives the tensors it is stored as, which is what
/// WriteGguf with that recipe stores. `decoder` must outlive the result.
Result<TrainableDecoder::WeightTransform> FakeQuantization(const TrainableDecoder& decoder,
                                                           const Recipe& recipe);

}  // namespace autoglm

// Error correction for low-bit weights: columns are rounded one after the other, and each takes
// over what the rounding of those before it did to the layer's output. Source: Frantar et al. 2023,
// "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers"; in the form
// of Babai's nearest plane, which is the same and needs no inverse (Chen et al. 2025, "The Geometry
// of LLM Quantization").
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/status.h"
#include "compress/hessian.h"
#include "platform/thread_pool.h"
#include "tensor/buffer.h"
#include "tensor/dtype.h"

namespace autoglm {

/// H = R R^T of a damped Hessian, with R upper triangular in an order of columns that begins with
/// those that matter most and keeps each block's columns together. The squared error of E is then
/// |E R|^2, in which column j sees only itself and the columns before it.
struct GptqFactor {
  int64_t cols = 0;
  int block = 0;               ///< columns of a block
  std::vector<int32_t> order;  ///< [cols]: the column at each position
  Buffer r;                    ///< F32 [cols, cols], zero below the diagonal

  const float* row(int64_t position) const {
    return reinterpret_cast<const float*>(r.data()) + position * cols;
  }
};

struct GptqOptions {
  /// Added to the diagonal, as a share of its mean: columns that the text hardly used, or that
  /// depend on each other, must not take over everything.
  double damping = 0.01;
};

/// For blocks of `block` elements, which divide the columns. kDataLoss where the Hessian holds what
/// is not a number, kResourceExhausted.
Result<GptqFactor> FactorHessian(const Hessian& hessian, int block, const GptqOptions& options,
                                 ThreadPool& threads);

/// Encodes x [n_rows, cols] as `dtype`, which has a level grid (quant/level_grid.h): scales by the
/// type's own encoder, weighted by `importance` [cols] or, where that is null, by what an error of
/// each column costs after the others have made up for it; levels one by one. Every row is encoded
/// on its own, the same whatever the threads. kResourceExhausted.
Status GptqEncode(DType dtype, const GptqFactor& factor, const float* x, int64_t n_rows,
                  const float* importance, std::byte* out, ThreadPool& threads);

}  // namespace autoglm

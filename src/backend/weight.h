// Weight: a parameter that a backend has taken in, in whatever form its kernels want.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "tensor/tensor.h"

namespace autoglm {

/// A matrix [rows, cols] (out_features, in_features) or a vector [cols]. Empty where a model has no
/// such parameter (an absent bias). Cheap to copy; the owner lives as long as the last copy.
struct Weight {
  Tensor tensor;                      ///< stored form; data may be a read-only mapping
  std::shared_ptr<const void> owner;  ///< null where the ModelFile owns the bytes
  std::string_view name = {};         ///< of the tensor in the ModelFile, whose memory it is
  int64_t first_row = 0;              ///< of that tensor, where the matrix is a part of a fused one

  bool empty() const { return tensor.empty(); }
  int64_t rows() const { return tensor.rows(); }
  int64_t cols() const { return tensor.cols(); }
};

}  // namespace autoglm

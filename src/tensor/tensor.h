// Shape and Tensor: a view of row-major memory. Owners are Buffer and mapped files.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "tensor/dtype.h"

namespace autoglm {

/// Up to four dimensions, outermost first (the order of PyTorch and safetensors; GGUF stores the
/// reverse). A matrix of a linear layer is [out_features, in_features].
class Shape {
 public:
  static constexpr int kMaxRank = 4;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) {
    assert(dims.size() <= kMaxRank);
    for (int64_t d : dims) dims_[rank_++] = d;
  }

  void Append(int64_t dim) { assert(rank_ < kMaxRank), dims_[rank_++] = dim; }

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return dims_[i]; }
  /// Length of the innermost dimension: what is contiguous and what quantization blocks divide.
  int64_t cols() const { return rank_ == 0 ? 1 : dims_[rank_ - 1]; }
  /// Product of all dimensions but the innermost.
  int64_t rows() const {
    int64_t n = 1;
    for (int i = 0; i + 1 < rank_; ++i) n *= dims_[i];
    return n;
  }
  int64_t n_elements() const { return rows() * cols(); }
  bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int i = 0; i < rank_; ++i) {
      if (dims_[i] != other.dims_[i]) return false;
    }
    return true;
  }
  /// "[151936, 896]".
  std::string ToString() const;

 private:
  int rank_ = 0;
  std::array<int64_t, kMaxRank> dims_{};
};

/// Bytes of a contiguous tensor. The caller has checked that cols is a multiple of the block and
/// that the product does not overflow.
inline int64_t TensorBytes(DType dtype, const Shape& shape) {
  return shape.rows() * RowBytes(dtype, shape.cols());
}

/// A view: copying it copies no data and it owns nothing. Rows are contiguous and follow one
/// another without a gap.
struct Tensor {
  DType dtype = DType::kF32;
  Shape shape;
  std::byte* data = nullptr;  ///< a read-only mapping must not be written through it

  bool empty() const { return data == nullptr; }
  int64_t rows() const { return shape.rows(); }
  int64_t cols() const { return shape.cols(); }
  int64_t row_bytes() const { return RowBytes(dtype, shape.cols()); }
  int64_t n_bytes() const { return TensorBytes(dtype, shape); }
  const std::byte* row(int64_t i) const { return data + i * row_bytes(); }

  /// The elements of an F32 tensor.
  float* f32() const {
    assert(dtype == DType::kF32);
    return reinterpret_cast<float*>(data);
  }
  float* f32_row(int64_t i) const { return f32() + i * cols(); }

  /// Rows [first, first + n) as a view [n, cols].
  Tensor Rows(int64_t first, int64_t n) const {
    return {dtype, Shape{n, cols()}, data + first * row_bytes()};
  }
  /// The same memory seen as [rows, cols]; the element count must match.
  Tensor Reshape(int64_t rows, int64_t cols) const {
    assert(rows * cols == shape.n_elements());
    return {dtype, Shape{rows, cols}, data};
  }
};

}  // namespace autoglm

#include "compress/gptq.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/kernels.h"
#include "quant/level_grid.h"
#include "quant/quant_format.h"

namespace autoglm {

namespace {

// Rows that one thread works on at a time: each row of R that is read serves all of them.
constexpr int kTileRows = 16;
// Columns of the matrix that is factored whose effect on the rest is applied together.
constexpr int64_t kPanel = 64;

// Blocks by what their columns see in all, within a block by each alone; most first.
std::vector<int32_t> OrderColumns(const Hessian& hessian, int block) {
  const auto diagonal = [&](int32_t c) { return hessian.row(c)[c]; };
  const auto n_blocks = static_cast<int32_t>(hessian.cols / block);
  std::vector<double> weight(n_blocks, 0.0);
  for (int32_t c = 0; c < hessian.cols; ++c) weight[c / block] += diagonal(c);
  std::vector<int32_t> blocks(n_blocks);
  std::iota(blocks.begin(), blocks.end(), 0);
  std::stable_sort(blocks.begin(), blocks.end(),
                   [&](int32_t a, int32_t b) { return weight[a] > weight[b]; });
  std::vector<int32_t> order;
  for (const int32_t b : blocks) {
    const auto begin = static_cast<int64_t>(order.size());
    for (int i = 0; i < block; ++i) order.push_back(b * block + i);
    std::stable_sort(order.begin() + begin, order.end(),
                     [&](int32_t a, int32_t c) { return diagonal(a) > diagonal(c); });
  }
  return order;
}

// Cholesky: the lower triangle of `a` [n, n] becomes L with a = L L^T. Panels of columns; what is
// right of a panel is updated by the threads, row by row.
Status Factor(double* a, int64_t n, ThreadPool& threads) {
  for (int64_t first = 0; first < n; first += kPanel) {
    const int64_t last = std::min(n, first + kPanel);
    for (int64_t j = first; j < last; ++j) {
      double* row_j = a + j * n;
      for (int64_t k = first; k < j; ++k) row_j[j] -= row_j[k] * row_j[k];
      if (!(row_j[j] > 0) || !std::isfinite(row_j[j])) {
        return Error(StatusCode::kDataLoss, "the Hessian is not positive definite at column ", j,
                     " of ", n);
      }
      row_j[j] = std::sqrt(row_j[j]);
      for (int64_t i = j + 1; i < last; ++i) {
        double* row_i = a + i * n;
        for (int64_t k = first; k < j; ++k) row_i[j] -= row_i[k] * row_j[k];
        row_i[j] /= row_j[j];
      }
    }
    // Below the panel: each row of L by itself, then its part of what is left of the matrix.
    threads.ParallelFor(n - last, [&](int64_t index, int) {
      double* row_i = a + (last + index) * n;
      for (int64_t j = first; j < last; ++j) {
        const double* row_j = a + j * n;
        for (int64_t k = first; k < j; ++k) row_i[j] -= row_i[k] * row_j[k];
        row_i[j] /= row_j[j];
      }
    });
    std::vector<double> panel(static_cast<size_t>((last - first) * (n - last)));  // transposed
    for (int64_t i = last; i < n; ++i) {
      for (int64_t k = first; k < last; ++k) {
        panel[static_cast<size_t>((k - first) * (n - last) + i - last)] = a[i * n + k];
      }
    }
    threads.ParallelFor(n - last, [&](int64_t index, int) {
      double* row_i = a + (last + index) * n;
      for (int64_t k = first; k < last; ++k) {
        const double factor = row_i[k];
        const double* column = panel.data() + (k - first) * (n - last);
        for (int64_t j = last; j <= last + index; ++j) row_i[j] -= factor * column[j - last];
      }
    });
  }
  return OkStatus();
}

// Rows [0, n) of a tile; positions are those of the factor's order.
class TileEncoder {
 public:
  TileEncoder(DType dtype, const GptqFactor& factor, const float* importance)
      : dtype_(dtype),
        factor_(factor),
        importance_(importance),
        block_(factor.block),
        errors_(static_cast<size_t>(kTileRows * factor.cols)) {}

  void Encode(const float* x, int n_rows, std::byte* out) {
    const int64_t cols = factor_.cols;
    const int64_t row_bytes = RowBytes(dtype_, cols);
    for (int64_t first = 0; first < cols; first += block_) {
      SumErrors(first, n_rows);
      const int64_t block_index = factor_.order[first] / block_;
      for (int row = 0; row < n_rows; ++row) {
        EncodeBlock(x + row * cols, first, row,
                    out + row * row_bytes + block_index * Info(dtype_).block_bytes);
      }
    }
  }

 private:
  // sums_ = E R over the positions before the block, for its columns.
  void SumErrors(int64_t first, int n_rows) {
    for (int row = 0; row < n_rows; ++row) std::fill_n(sums_[row], block_, 0.0f);
    for (int64_t i = 0; i < first; ++i) {
      const float* r = factor_.row(i) + first;
      for (int row = 0; row < n_rows; ++row) {
        const float error = errors_[static_cast<size_t>(row * factor_.cols + i)];
        for (int j = 0; j < block_; ++j) sums_[row][j] += error * r[j];
      }
    }
  }

  void EncodeBlock(const float* x, int64_t first, int row, std::byte* block) {
    const int32_t* order = factor_.order.data() + first;
    const int64_t base = order[0] / block_ * block_;  // the block's first column
    // What this block's weights would be if they could be any numbers: then they make up for all
    // that was done before. The scales are chosen for these.
    float sums[kSuperBlock], wanted[kSuperBlock], weights[kSuperBlock];
    std::copy_n(sums_[row], block_, sums);
    for (int j = 0; j < block_; ++j) {
      const float* r = factor_.row(first + j) + first;
      const float error = -sums[j] / r[j];
      const int64_t at = order[j] - base;
      wanted[at] = x[order[j]] - error;
      weights[at] = importance_ ? importance_[order[j]] : r[j] * r[j];
      for (int k = j + 1; k < block_; ++k) sums[k] += error * r[k];
    }
    Format(dtype_).encode(wanted, weights, block, block_, BestKernels().encoder_loops);
    const LevelGrid grid = ReadLevelGrid(dtype_, block);
    int8_t levels[kSuperBlock];
    float* errors = errors_.data() + row * factor_.cols + first;
    std::copy_n(sums_[row], block_, sums);
    for (int j = 0; j < block_; ++j) {
      const float* r = factor_.row(first + j) + first;
      const int at = static_cast<int>(order[j] - base);
      const float weight = x[order[j]];
      const int level = grid.Nearest(at, weight + sums[j] / r[j]);
      levels[at] = static_cast<int8_t>(level);
      errors[j] = weight - grid.Value(at, level);
      for (int k = j + 1; k < block_; ++k) sums[k] += errors[j] * r[k];
    }
    WriteLevels(dtype_, levels, block);
  }

  DType dtype_;
  const GptqFactor& factor_;
  const float* importance_;
  int block_;
  std::vector<float> errors_;  ///< [kTileRows, cols]: weights less what they became
  float sums_[kTileRows][kSuperBlock];
};

}  // namespace

Result<GptqFactor> FactorHessian(const Hessian& hessian, int block, const GptqOptions& options,
                                 ThreadPool& threads) {
  const int64_t n = hessian.cols;
  GptqFactor factor;
  factor.cols = n;
  factor.block = block;
  factor.order = OrderColumns(hessian, block);
  double mean = 0;
  for (int64_t c = 0; c < n; ++c) mean += hessian.row(c)[c] / static_cast<double>(n);
  const double damping = mean > 0 ? options.damping * mean : 1.0;
  AUTOGLM_ASSIGN_OR_RETURN(
      const Buffer memory,
      Buffer::Allocate(static_cast<size_t>(n * n) * sizeof(double), "factoring a Hessian"));
  // Factored from the last position to the first, so that R is upper triangular.
  double* a = reinterpret_cast<double*>(memory.data());
  threads.ParallelFor(n, [&](int64_t i, int) {
    const float* row = hessian.row(factor.order[n - 1 - i]);
    for (int64_t j = 0; j <= i; ++j) a[i * n + j] = row[factor.order[n - 1 - j]];
    a[i * n + i] += damping;
  });
  AUTOGLM_RETURN_IF_ERROR(Factor(a, n, threads));
  AUTOGLM_ASSIGN_OR_RETURN(factor.r, Buffer::Allocate(static_cast<size_t>(n * n) * sizeof(float),
                                                      "factoring a Hessian"));
  float* r = reinterpret_cast<float*>(factor.r.data());
  threads.ParallelFor(n, [&](int64_t i, int) {
    for (int64_t j = i; j < n; ++j) {
      r[i * n + j] = static_cast<float>(a[(n - 1 - i) * n + n - 1 - j]);
    }
  });
  return factor;
}

Status GptqEncode(DType dtype, const GptqFactor& factor, const float* x, int64_t n_rows,
                  const float* importance, std::byte* out, ThreadPool& threads) {
  if (!HasLevelGrid(dtype) || Info(dtype).block_elements != factor.block) {
    return Error(StatusCode::kInvalidArgument, "blocks of ", Name(dtype),
                 " cannot be error-corrected in groups of ", factor.block, " columns");
  }
  const int64_t n_tiles = (n_rows + kTileRows - 1) / kTileRows;
  const int64_t row_bytes = RowBytes(dtype, factor.cols);
  std::vector<std::unique_ptr<TileEncoder>> encoders(threads.n_threads());
  for (auto& encoder : encoders) {
    encoder = std::make_unique<TileEncoder>(dtype, factor, importance);
  }
  threads.ParallelFor(n_tiles, [&](int64_t tile, int thread) {
    const int64_t first = tile * kTileRows;
    const int n = static_cast<int>(std::min<int64_t>(kTileRows, n_rows - first));
    encoders[thread]->Encode(x + first * factor.cols, n, out + first * row_bytes);
  });
  return OkStatus();
}

}  // namespace autoglm

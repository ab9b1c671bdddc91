// The second moments of what a matrix is multiplied with: H = X^T X over the tokens X [n, cols] of
// a text. The squared error of a layer's output for an error E [rows, cols] of its weights is tr(E
// H E^T).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "compress/probed_model.h"
#include "tensor/buffer.h"

namespace autoglm {

struct Hessian {
  int64_t cols = 0;
  int64_t n_tokens = 0;
  Buffer sums;  ///< F32 [cols, cols]

  const float* row(int64_t i) const {
    return reinterpret_cast<const float*>(sums.data()) + i * cols;
  }
};

/// Hessians of a model's matrices over one text. They are large (4 * cols^2 bytes), so that only as
/// many are held at a time as a limit allows; for more of them the text is read again.
class HessianSource {
 public:
  struct Options {
    int64_t max_bytes = int64_t{1} << 30;  ///< of Hessians held; one is always held
    int n_ctx = 512;
    std::function<Status(int done_chunks, int n_chunks)> progress = {};
  };

  /// `tensors`: the names in the order in which they will be asked for. `model` and `tokens`
  /// outlive this.
  HessianSource(ProbedModel& model, std::span<const int32_t> tokens,
                std::vector<std::string> tensors, Options options);

  /// Null for a tensor that nothing is multiplied with. Matrices that read the same share one.
  /// Errors of reading, kResourceExhausted.
  Result<std::shared_ptr<const Hessian>> Get(std::string_view tensor);

 private:
  Status FindGroups();
  Status CollectFrom(size_t first);
  Status Accumulate(const Tensor& x, Hessian* hessian);

  ProbedModel& model_;
  std::span<const int32_t> tokens_;
  std::vector<std::string> tensors_;
  Options options_;
  std::unique_ptr<Backend> backend_;  ///< for the products X^T X

  /// Of each matrix, the first of those that read the same, and the columns.
  std::map<std::string, std::pair<std::string, int64_t>, std::less<>> groups_;
  std::map<std::string, std::shared_ptr<Hessian>, std::less<>> held_;  ///< by groups_' first
  Buffer transposed_, product_;
};

}  // namespace autoglm

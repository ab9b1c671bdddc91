// A backend that looks into another one's work: what every matrix product reads, and what would
// happen with other weights. Models and kernels know nothing of it, so that it costs nothing where
// it is not used.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "backend/backend.h"

namespace autoglm {

/// Sees each product before it is computed: x F32 [n_tokens, cols], and the weights it is
/// multiplied with, which are known by Weight::name.
using MatMulObserver = std::function<void(const Tensor& x, std::span<const MatMulTerm> terms)>;

/// One thread at a time, like the backend that it wraps.
class InstrumentedBackend : public Backend {
 public:
  /// Null: nothing is observed.
  virtual void set_observer(MatMulObserver observer) = 0;

  /// From now on products (and embeddings) with the tensor `name` of the model file use `weight`
  /// [rows, cols] of that whole tensor, of any type; it must outlive its use.
  virtual void Replace(std::string_view name, const Tensor& weight) = 0;
  virtual void Restore(std::string_view name) = 0;
};

std::unique_ptr<InstrumentedBackend> NewInstrumentedBackend(std::unique_ptr<Backend> inner);

}  // namespace autoglm

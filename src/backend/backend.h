// Backend: a device at the level of operations. Rows in backends.inc register them.
#pragma once

#include <memory>
#include <string_view>

#include "backend/op_stream.h"
#include "backend/weight.h"
#include "base/status.h"
#include "tensor/buffer.h"

namespace autoglm {

class ThreadPool;
struct KernelTable;

class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string_view name() const = 0;

  /// Takes a parameter in. `stored` stays valid while `owner` or, where that is null, the model
  /// file lives.
  virtual Result<Weight> TakeWeight(const Tensor& stored, std::shared_ptr<const void> owner) = 0;

  /// Memory for activations and cache pages.
  virtual Result<Buffer> NewBuffer(size_t n_bytes, const char* what) = 0;

  /// One stream runs at a time.
  virtual OpStream& stream() = 0;
};

/// The CPU with the best kernels that it can run. `threads` must outlive the backend.
std::unique_ptr<Backend> NewCpuBackend(ThreadPool& threads);
/// The CPU with these kernels: ScalarKernels() computes in float32 throughout.
std::unique_ptr<Backend> NewCpuBackend(ThreadPool& threads, const KernelTable& kernels);

}  // namespace autoglm

// The CPU backend: weights stay where they are, in their stored type.
#include "backend/backend.h"
#include "backend/cpu/cpu_stream.h"

namespace autoglm {

namespace {

class CpuBackend final : public Backend {
 public:
  CpuBackend(ThreadPool& threads, const KernelTable& kernels) : stream_(threads, kernels) {}

  std::string_view name() const override { return "cpu"; }

  Result<Weight> TakeWeight(const Tensor& stored, std::shared_ptr<const void> owner) override {
    return Weight{stored, std::move(owner)};
  }

  Result<Buffer> NewBuffer(size_t n_bytes, const char* what) override {
    return Buffer::Allocate(n_bytes, what);
  }

  OpStream& stream() override { return stream_; }

 private:
  CpuStream stream_;
};

}  // namespace

std::unique_ptr<Backend> NewCpuBackend(ThreadPool& threads) {
  return NewCpuBackend(threads, BestKernels());
}

std::unique_ptr<Backend> NewCpuBackend(ThreadPool& threads, const KernelTable& kernels) {
  return std::make_unique<CpuBackend>(threads, kernels);
}

}  // namespace autoglm

// The CPU backend: weights stay where they are, in their stored type.
#include "backend/backend.h"
#include "backend/cpu/cpu_stream.h"

namespace autoglm {

namespace {

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(ThreadPool& threads) : stream_(threads, BestKernels()) {}

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
  return std::make_unique<CpuBackend>(threads);
}

}  // namespace autoglm

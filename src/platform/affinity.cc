#include "platform/affinity.h"

#include <algorithm>

#if defined(__linux__)
#include <sched.h>
#endif

namespace autoglm {

#if defined(__linux__)

namespace {

constexpr int kMostCpus = 1 << 20;

// A mask for `n_cpus` cpus; freed at the end.
class CpuMask {
 public:
  explicit CpuMask(int n_cpus) : n_cpus_(n_cpus), mask_(CPU_ALLOC(n_cpus)) {
    if (mask_ != nullptr) CPU_ZERO_S(n_bytes(), mask_);
  }
  CpuMask(const CpuMask&) = delete;
  CpuMask& operator=(const CpuMask&) = delete;
  ~CpuMask() {
    if (mask_ != nullptr) CPU_FREE(mask_);
  }
  cpu_set_t* get() const { return mask_; }
  size_t n_bytes() const { return CPU_ALLOC_SIZE(n_cpus_); }

 private:
  int n_cpus_;
  cpu_set_t* mask_;
};

}  // namespace

std::vector<int> AllowedCpus() {
  // The kernel refuses a mask shorter than its own, so grow it until it fits.
  for (int n_cpus = 1024; n_cpus <= kMostCpus; n_cpus *= 2) {
    const CpuMask mask(n_cpus);
    if (mask.get() == nullptr) break;
    if (sched_getaffinity(0, mask.n_bytes(), mask.get()) != 0) continue;
    std::vector<int> cpus;
    for (int cpu = 0; cpu < n_cpus; ++cpu) {
      if (CPU_ISSET_S(cpu, mask.n_bytes(), mask.get())) cpus.push_back(cpu);
    }
    return cpus;
  }
  return {};
}

bool RunOnCpus(std::span<const int> cpus) {
  if (cpus.empty()) return false;
  const auto [least, most] = std::minmax_element(cpus.begin(), cpus.end());
  if (*least < 0 || *most >= kMostCpus) return false;
  const CpuMask mask(*most + 1);
  if (mask.get() == nullptr) return false;
  for (const int cpu : cpus) CPU_SET_S(cpu, mask.n_bytes(), mask.get());
  if (sched_setaffinity(0, mask.n_bytes(), mask.get()) != 0) return false;
  return std::find(cpus.begin(), cpus.end(), sched_getcpu()) != cpus.end();
}

#else

std::vector<int> AllowedCpus() { return {}; }

bool RunOnCpus(std::span<const int>) { return false; }

#endif

}  // namespace autoglm

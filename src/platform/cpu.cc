#include "platform/cpu.h"

#include <algorithm>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace autoglm {
namespace {

int NumAllowedCores() {
#if defined(__linux__)
  // The kernel refuses a mask shorter than its own, so grow it until it fits.
  for (int n_cpus = 1024; n_cpus <= (1 << 20); n_cpus *= 2) {
    cpu_set_t* mask = CPU_ALLOC(n_cpus);
    if (!mask) break;
    const size_t n_bytes = CPU_ALLOC_SIZE(n_cpus);
    const bool known = sched_getaffinity(0, n_bytes, mask) == 0;
    const int n_allowed = known ? CPU_COUNT_S(n_bytes, mask) : 0;
    CPU_FREE(mask);
    if (known) return n_allowed;
  }
#endif
  return static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

double CpuQuota(const SystemFiles& files) {
  const CgroupFolders folders = FindCgroupFolders(files, "cpu");
  double least = 0;
  for (const std::string& folder : folders.paths) {
    std::optional<int64_t> quota, period;  // microseconds
    if (folders.v2) {
      const auto text = ReadSystemFile(folder + "/cpu.max");  // "200000 100000" or "max 100000"
      if (!text) continue;
      quota = ParseNumber(*text);
      period = ParseNumber(std::string_view(*text).substr(std::min(text->size(), text->find(' '))));
    } else {
      quota = ParseNumber(ReadSystemFile(folder + "/cpu.cfs_quota_us").value_or(""));
      period = ParseNumber(ReadSystemFile(folder + "/cpu.cfs_period_us").value_or(""));
    }
    if (!quota || *quota <= 0 || !period || *period <= 0) continue;  // no limit: "max", or -1
    const double cores = static_cast<double>(*quota) / static_cast<double>(*period);
    least = least == 0 ? cores : std::min(least, cores);
  }
  return least;
}

int NumUsableCores(const SystemFiles& files) {
  int n_cores = NumAllowedCores();
  const double quota = CpuQuota(files);
  if (quota > 0 && quota < n_cores) n_cores = static_cast<int>(quota);
  return std::max(1, n_cores);
}

}  // namespace autoglm

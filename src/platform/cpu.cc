#include "platform/cpu.h"

#include <algorithm>
#include <string_view>

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "platform/affinity.h"
#include "platform/topology.h"

namespace autoglm {

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

std::string CpuName(const SystemFiles& files) {
  const std::string text = ReadSystemFile(files.proc + "/cpuinfo").value_or("");
  for (const std::string_view key : {"model name", "Hardware"}) {  // x86; some phones
    const size_t line = text.find(key);
    if (line == std::string::npos || (line > 0 && text[line - 1] != '\n')) continue;
    const size_t end = std::min(text.find('\n', line), text.size());
    const size_t colon = text.find(": ", line);
    if (colon < end) return text.substr(colon + 2, end - colon - 2);
  }
  return "";
}

std::vector<std::string> CpuFeatures() {
  std::vector<std::string> features;
#if defined(__x86_64__)
#define AUTOGLM_FEATURE(name) \
  if (__builtin_cpu_supports(name)) features.emplace_back(name)
  AUTOGLM_FEATURE("sse4.2");
  AUTOGLM_FEATURE("avx2");
  AUTOGLM_FEATURE("fma");
  // Clang 14's builtin does not know this one.
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C)) features.emplace_back("f16c");
  AUTOGLM_FEATURE("avx512f");
  AUTOGLM_FEATURE("avx512bw");
  AUTOGLM_FEATURE("avx512vl");
  AUTOGLM_FEATURE("avx512vnni");
  AUTOGLM_FEATURE("avx512bf16");
#undef AUTOGLM_FEATURE
#elif defined(__aarch64__) && defined(__linux__)
  const unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
  features.emplace_back("neon");
  if (first & HWCAP_ASIMDHP) features.emplace_back("fp16");
  if (first & HWCAP_ASIMDDP) features.emplace_back("dotprod");
  if (second & HWCAP2_I8MM) features.emplace_back("i8mm");
  if (second & HWCAP2_BF16) features.emplace_back("bf16");
  if (first & HWCAP_SVE) features.emplace_back("sve");
#elif defined(__aarch64__)
  features.emplace_back("neon");
#endif
  return features;
}

bool HasCpuFeature(std::string_view name) {
  const std::vector<std::string> features = CpuFeatures();
  return std::find(features.begin(), features.end(), name) != features.end();
}

int NumUsableCores(const SystemFiles& files) {
  return PlanThreads(ReadTopology(files, AllowedCpus())).n_threads;
}

}  // namespace autoglm

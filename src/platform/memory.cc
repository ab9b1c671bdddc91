#include "platform/memory.h"

#include <algorithm>
#include <cstdio>

namespace autoglm {
namespace {

constexpr int64_t kKiB = 1024;

std::optional<int64_t> ProcKiB(const SystemFiles& files, const char* file, const char* key) {
  const auto text = ReadSystemFile(files.proc + file);
  const auto kib = text ? FindNumber(*text, key) : std::nullopt;
  return kib ? std::optional(*kib * kKiB) : std::nullopt;
}

// Bytes of a group that the kernel can drop when asked for memory.
int64_t ReclaimableBytes(const std::string& folder, bool v2) {
  const auto text = ReadSystemFile(folder + "/memory.stat");
  if (!text) return 0;
  // Version 1 counts the children apart: "total_" includes them, as its usage does.
  return FindNumber(*text, v2 ? "inactive_file" : "total_inactive_file").value_or(0) +
         FindNumber(*text, v2 ? "active_file" : "total_active_file").value_or(0);
}

// The least over all groups of the limit (or of what the limit leaves); nothing where none is set.
std::optional<int64_t> LeastGroupBytes(const SystemFiles& files, bool minus_usage) {
  const CgroupFolders folders = FindCgroupFolders(files, "memory");
  std::optional<int64_t> least;
  for (const std::string& folder : folders.paths) {
    const auto limit =
        ParseNumber(ReadSystemFile(folder + (folders.v2 ? "/memory.max" : "/memory.limit_in_bytes"))
                        .value_or(""));
    if (!limit) continue;
    int64_t bytes = *limit;
    if (minus_usage) {
      const auto usage = ParseNumber(
          ReadSystemFile(folder + (folders.v2 ? "/memory.current" : "/memory.usage_in_bytes"))
              .value_or(""));
      if (!usage) continue;
      bytes -= std::max<int64_t>(0, *usage - ReclaimableBytes(folder, folders.v2));
    }
    bytes = std::max<int64_t>(0, bytes);
    least = least ? std::min(*least, bytes) : bytes;
  }
  return least;
}

std::optional<int64_t> Lesser(std::optional<int64_t> a, std::optional<int64_t> b) {
  if (a && b) return std::min(*a, *b);
  return a ? a : b;
}

}  // namespace

std::optional<int64_t> AvailableMemoryBytes(const SystemFiles& files) {
  return Lesser(ProcKiB(files, "/meminfo", "MemAvailable"), LeastGroupBytes(files, true));
}

std::optional<int64_t> TotalMemoryBytes(const SystemFiles& files) {
  return Lesser(ProcKiB(files, "/meminfo", "MemTotal"), LeastGroupBytes(files, false));
}

int64_t CurrentRssBytes(const SystemFiles& files) {
  return ProcKiB(files, "/self/status", "VmRSS").value_or(0);
}

int64_t PeakRssBytes(const SystemFiles& files) {
  return ProcKiB(files, "/self/status", "VmHWM").value_or(0);
}

bool ResetPeakRss(const SystemFiles& files) {
  std::FILE* file = std::fopen((files.proc + "/self/clear_refs").c_str(), "w");
  if (file == nullptr) return false;
  const bool written = std::fputs("5", file) >= 0;  // proc(5): resets VmHWM
  return std::fclose(file) == 0 && written;
}

bool HasLargePages(const SystemFiles& files) {
  // "always [madvise] never": the one in force is in brackets.
  const auto text = ReadSystemFile(files.mm + "/transparent_hugepage/enabled");
  return text && text->find("[never]") == std::string::npos;
}

}  // namespace autoglm

// Where Linux says what this process may use: /proc and the control groups, version 1 and 2
// (kernel documentation: admin-guide/cgroup-v2 and cgroup-v1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace autoglm {

/// Roots of the system's files; a test points them at a folder of its own.
struct SystemFiles {
  std::string proc = "/proc";
  std::string cgroup = "/sys/fs/cgroup";
  std::string cpu = "/sys/devices/system/cpu";
  std::string mm = "/sys/kernel/mm";
};

struct CgroupFolders {
  bool v2 = false;
  /// From the process's own group up to the root; each may set a limit and all of them hold.
  std::vector<std::string> paths;
};

/// The folders of `controller` ("memory", "cpu") that bind this process; no paths where there are
/// none.
CgroupFolders FindCgroupFolders(const SystemFiles& files, std::string_view controller);

/// The file's whole text, or nothing if it cannot be read. For small system files.
std::optional<std::string> ReadSystemFile(const std::string& path);

/// The number after `key` in text made of lines "key number" or "key:  number ..."; for /proc and
/// memory.stat.
std::optional<int64_t> FindNumber(std::string_view text, std::string_view key);

/// The number that `text` begins with (blanks before it skipped); nothing for "max".
std::optional<int64_t> ParseNumber(std::string_view text);

}  // namespace autoglm

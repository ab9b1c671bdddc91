#include "platform/cgroup.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace autoglm {
namespace {

bool ListHas(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    if (list.substr(0, comma) == word) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

// `root` + `path` and every parent down to `root`, innermost first, as far as they exist: inside a
// container the path may name folders that are not mounted here.
std::vector<std::string> WithParents(const std::string& root, std::string path) {
  std::vector<std::string> folders;
  std::error_code error;
  for (;;) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    if (std::filesystem::is_directory(root + path, error)) folders.push_back(root + path);
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) break;
    path.resize(slash);
  }
  return folders;
}

}  // namespace

std::optional<std::string> ReadSystemFile(const std::string& path) {
  std::ifstream in(path);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

std::optional<int64_t> ParseNumber(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return std::nullopt;
  text.remove_prefix(first);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

std::optional<int64_t> FindNumber(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    if (line.starts_with(':')) line.remove_prefix(1);
    if (!line.starts_with(' ') && !line.starts_with('\t')) continue;  // a longer key
    return ParseNumber(line);
  }
  return std::nullopt;
}

CgroupFolders FindCgroupFolders(const SystemFiles& files, std::string_view controller) {
  const auto text = ReadSystemFile(files.proc + "/self/cgroup");
  if (!text) return {};
  // Lines "number:controllers:path"; version 2 is the line "0::path". A system may have both, and
  // a controller belongs to one of them.
  std::string v2_path;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      v2_path = path;
    } else if (ListHas(controllers, controller)) {
      const std::string own = files.cgroup + "/" + std::string(controller);
      std::error_code error;
      // Mounted under its own name, or under the joint one ("cpu,cpuacct").
      const bool has_own = std::filesystem::is_directory(own, error);
      return {false, WithParents(has_own ? own : files.cgroup + "/" + controllers, path)};
    }
  }
  if (v2_path.empty()) return {};
  return {true, WithParents(files.cgroup, v2_path)};
}

}  // namespace autoglm

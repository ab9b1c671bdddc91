#include "apps/cli/programs.h"

#include <filesystem>

namespace autoglm {

std::string ProgramFolder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

std::string FindProgram(const std::string& name) {
  const std::filesystem::path folder = ProgramFolder();
  std::error_code error;
  // Beside this program once installed; in a folder of its own where both are built.
  for (const auto& path : {folder / name, folder.parent_path() / name / name}) {
    if (std::filesystem::is_regular_file(path, error)) return path.string();
  }
  return "";
}

}  // namespace autoglm

#include "apps/autoglm/compress_program.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "platform/file.h"

namespace autoglm {

namespace {

constexpr const char* kName = "autoglm-compress";

Status Become(std::span<char*> argv) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path folder = self.parent_path();
  // Beside this program once installed; in a folder of its own where both are built.
  for (const auto& path : {folder / kName, folder.parent_path() / kName / kName}) {
    if (!std::filesystem::is_regular_file(path, error)) continue;
    std::string program = path.string();
    std::vector<char*> arguments = {program.data()};
    arguments.insert(arguments.end(), argv.begin(), argv.end());
    arguments.push_back(nullptr);
    ::execv(program.c_str(), arguments.data());
    return ErrnoError(errno, "cannot run", program);
  }
  return Error(StatusCode::kNotFound, "'", argv[0], "' needs the program ", kName,
               ", which is not beside this one\n  It is built on demand: './run compress ", argv[0],
               "' in the source folder, or with CMake where -DAUTOGLM_BUILD_TRAINING=ON (it needs ",
               "libtorch)");
}

}  // namespace

int BecomeCompressProgram(std::span<char*> argv) {
  const Status failed = Become(argv);
  std::fprintf(stderr, "autoglm compress: error: %s\n", failed.message().c_str());
  return 1;
}

}  // namespace autoglm

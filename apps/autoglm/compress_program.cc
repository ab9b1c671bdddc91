#include "apps/autoglm/compress_program.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "apps/cli/programs.h"
#include "platform/file.h"

namespace autoglm {

namespace {

constexpr const char* kName = "autoglm-compress";

Status Become(std::span<char*> argv) {
  std::string program = FindProgram(kName);
  if (program.empty()) {
    return Error(StatusCode::kNotFound, "'", argv[0], "' needs the program ", kName,
                 ", which is not beside this one\n  It is built on demand: './run compress ",
                 argv[0],
                 "' in the source folder, or with CMake where -DAUTOGLM_BUILD_TRAINING=ON (it ",
                 "needs libtorch)");
  }
  std::vector<char*> arguments = {program.data()};
  arguments.insert(arguments.end(), argv.begin(), argv.end());
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  return ErrnoError(errno, "cannot run", program);
}

}  // namespace

int BecomeCompressProgram(std::span<char*> argv) {
  const Status failed = Become(argv);
  std::fprintf(stderr, "autoglm compress: error: %s\n", failed.message().c_str());
  return 1;
}

}  // namespace autoglm

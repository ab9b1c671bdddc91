// Program: a command-line program of several commands: finds the one that is asked for, reads its
// options, runs it. Exit status: 0 done, 1 failed, 2 wrong usage.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "apps/cli/command.h"

namespace autoglm {

struct CommandRow {
  std::string_view name;
  std::string_view summary;
  std::unique_ptr<Command> (*make)();
  /// Where there is no `make`: does it all, and returns what main() returns. argv[0] is the
  /// command.
  int (*run)(std::span<char*> argv) = nullptr;
};

struct Program {
  std::string_view name;     ///< as users call it: "autoglm"
  std::string_view summary;  ///< one sentence
  std::string_view version;
  std::span<const CommandRow> commands;  ///< in the order of the help
};

/// What main() returns.
int RunProgram(const Program& program, int argc, char** argv);

}  // namespace autoglm

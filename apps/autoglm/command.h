// Command: one subcommand of the program. A new one is a file cmd_x.cc, which defines
// NewXCommand(), and a row in commands.inc.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/log.h"
#include "base/status.h"

namespace autoglm {

/// Made for one invocation. Declare, then (after the command line was read into the members)
/// Check, then Run.
class Command {
 public:
  virtual ~Command() = default;

  /// Adds this command's options and arguments, bound to members.
  virtual void Declare(CLI::App* app) = 0;

  /// What the options cannot say for themselves ("one of A and B"). A failure is wrong usage (exit
  /// status 2), unlike one of Run (1).
  virtual Status Check() { return OkStatus(); }

  /// Does it. Data goes to stdout through output.h, everything else to stderr.
  virtual Status Run() = 0;
};

#define AUTOGLM_COMMAND(Name, name, summary) std::unique_ptr<Command> New##Name##Command();
#include "apps/autoglm/commands.inc"
#undef AUTOGLM_COMMAND

}  // namespace autoglm

// Command: one subcommand of a program.
#pragma once

#include <CLI/CLI.hpp>

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

}  // namespace autoglm

// The program `autoglm`.
#include "apps/autoglm/command.h"
#include "apps/cli/program.h"

int main(int argc, char** argv) {
  static constexpr autoglm::CommandRow kCommands[] = {
#define AUTOGLM_COMMAND(Name, name, summary) {name, summary, autoglm::New##Name##Command},
#include "apps/autoglm/commands.inc"
#undef AUTOGLM_COMMAND
  };
  return autoglm::RunProgram(
      {"autoglm", "language models on this device.", AUTOGLM_VERSION, kCommands}, argc, argv);
}

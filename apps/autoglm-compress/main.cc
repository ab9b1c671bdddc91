// The program `autoglm-compress`: the verbs of `autoglm compress` that need libtorch.
#include "apps/autoglm-compress/commands.h"
#include "apps/cli/program.h"

int main(int argc, char** argv) {
  static constexpr autoglm::CommandRow kCommands[] = {
#define AUTOGLM_COMPRESS_COMMAND(Name, name, summary) {name, summary, autoglm::New##Name##Command},
#include "apps/autoglm-compress/commands.inc"
#undef AUTOGLM_COMPRESS_COMMAND
  };
  return autoglm::RunProgram(
      {"autoglm-compress", "makes small models.", AUTOGLM_VERSION, kCommands}, argc, argv);
}

// The program `autoglm`.
#include "apps/autoglm/command.h"
#include "apps/autoglm/compress_program.h"
#include "apps/cli/program.h"

namespace autoglm {
namespace {

int RunCompress(std::span<char*> argv) {
  static constexpr CommandRow kVerbs[] = {
#define AUTOGLM_COMMAND(Name, name, summary) {name, summary, New##Name##Command},
#define AUTOGLM_OTHER_PROGRAM(name, summary) {name, summary, nullptr, BecomeCompressProgram},
#include "apps/autoglm/compress_verbs.inc"
#undef AUTOGLM_OTHER_PROGRAM
#undef AUTOGLM_COMMAND
  };
  return RunProgram({"autoglm compress", "makes models small, and measures what that costs.",
                     AUTOGLM_VERSION, kVerbs},
                    static_cast<int>(argv.size()), argv.data());
}

}  // namespace
}  // namespace autoglm

int main(int argc, char** argv) {
  static constexpr autoglm::CommandRow kCommands[] = {
#define AUTOGLM_COMMAND(Name, name, summary) {name, summary, autoglm::New##Name##Command},
#define AUTOGLM_COMMAND_GROUP(Name, name, summary) {name, summary, nullptr, autoglm::Run##Name},
#include "apps/autoglm/commands.inc"
#undef AUTOGLM_COMMAND_GROUP
#undef AUTOGLM_COMMAND
  };
  return autoglm::RunProgram(
      {"autoglm", "language models on this device.", AUTOGLM_VERSION, kCommands}, argc, argv);
}

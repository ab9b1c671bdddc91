// The program's commands. A new one is a file cmd_x.cc, which defines NewXCommand(), and a row in
// commands.inc.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "apps/cli/command.h"
#include "base/log.h"

namespace autoglm {

#define AUTOGLM_COMMAND(Name, name, summary) std::unique_ptr<Command> New##Name##Command();
#define AUTOGLM_COMMAND_GROUP(Name, name, summary)
#define AUTOGLM_OTHER_PROGRAM(name, summary)
#include "apps/autoglm/commands.inc"
#include "apps/autoglm/compress_verbs.inc"
#undef AUTOGLM_OTHER_PROGRAM
#undef AUTOGLM_COMMAND_GROUP
#undef AUTOGLM_COMMAND

}  // namespace autoglm

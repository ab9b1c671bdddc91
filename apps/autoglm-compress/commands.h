// The verbs of commands.inc.
#pragma once

#include <memory>

#include "apps/cli/command.h"

namespace autoglm {

#define AUTOGLM_COMPRESS_COMMAND(Name, name, summary) std::unique_ptr<Command> New##Name##Command();
#include "apps/autoglm-compress/commands.inc"
#undef AUTOGLM_COMPRESS_COMMAND

}  // namespace autoglm

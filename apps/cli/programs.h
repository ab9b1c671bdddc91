// Where this program is, and its companions.
#pragma once

#include <string>

namespace autoglm {

/// The folder of the executable that runs; empty where the system does not tell.
std::string ProgramFolder();

/// The path of the companion program `name`; empty where there is none.
std::string FindProgram(const std::string& name);

}  // namespace autoglm

// The model that comes with the program, for commands that are given none.
#pragma once

#include <string>

namespace autoglm {

/// What AUTOGLM_MODEL of the environment names; else phone-actions.gguf of ../share/autoglm beside
/// the program's folder; else of models/ in the checkout that the program was built in. Empty where
/// there is none.
std::string FindBundledModel();

}  // namespace autoglm

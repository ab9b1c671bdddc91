// Grammars that come with the library, by name.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace autoglm {

/// The GBNF text of "autoglm" (one step of a phone agent, as the Open-AutoGLM client reads it),
/// "json" (any JSON value) or "phone_actions" (one action of the bundled model). `grammar` itself
/// where it holds rules (::=). kNotFound: neither.
Result<std::string> ResolveGrammar(std::string_view grammar);

}  // namespace autoglm

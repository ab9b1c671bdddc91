// Writes calls as a family's models do: for templates that cannot, and for tests.
#pragma once

#include <span>
#include <string>

#include "autoglm/chat.h"
#include "chat/call_syntax.h"

namespace autoglm {

/// The text of a section with `calls`, whose arguments are JSON objects (others count as empty
/// ones).
std::string WriteCalls(const CallSyntax& syntax, std::span<const ToolCall> calls);

}  // namespace autoglm

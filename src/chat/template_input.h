// A conversation as OpenAI's API has it, turned into what a model's chat template wants.
#pragma once

#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"
#include "chat/call_syntax.h"
#include "chat/template_traits.h"
#include "chat/tools.h"

namespace autoglm {

/// Sets `messages` and, where the template takes them, `tools` in `input`.
///
/// `messages`: an array of objects with role and content (a string, null, or parts of type text);
/// assistant messages may have tool_calls and reasoning_content, tool messages have tool_call_id.
/// `tools`: of the request, shown in the prompt; empty where none may be called.
/// kInvalidArgument; the message begins with the field: "messages[2].tool_calls[0].function: ...".
Status SetTemplateInput(const TemplateTraits& traits, const CallSyntax& syntax,
                        const nlohmann::ordered_json& messages, const nlohmann::ordered_json& tools,
                        nlohmann::ordered_json* input);

}  // namespace autoglm

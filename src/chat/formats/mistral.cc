// Mistral: [TOOL_CALLS] and a JSON list of calls; in newer models one [TOOL_CALLS] before each
// call, whose arguments follow [ARGS]. Ids have nine letters or digits. Source: the chat templates
// of Mistral Nemo and Mistral Small 3.2.
#include "chat/call_syntax.h"

namespace autoglm {
namespace {

bool Matches(std::string_view chat_template) { return Contains(chat_template, "[TOOL_CALLS]"); }

CallSyntax Syntax(std::string_view chat_template) {
  if (Contains(chat_template, "[ARGS]")) {
    const bool has_id = Contains(chat_template, "[CALL_ID]");
    return {.family = "mistral",
            .body = CallSyntax::Body::kNameThenJson,
            .trigger = "[TOOL_CALLS]",
            .call_begin = "[TOOL_CALLS]",
            .id_begin = has_id ? "[CALL_ID]" : "",
            .after_name = "[ARGS]",
            .id_length = 9};
  }
  return {.family = "mistral",
          .body = CallSyntax::Body::kJsonObject,
          .trigger = "[TOOL_CALLS]",
          .section_begin = "[TOOL_CALLS][",
          .separator = ", ",
          .section_end = "]",
          .has_id = true,
          .id_length = 9};
}

}  // namespace

extern const ToolFormat kMistralToolFormat;
const ToolFormat kMistralToolFormat = {"mistral", Matches, Syntax};

}  // namespace autoglm

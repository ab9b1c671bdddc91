// GLM-4.5 and later: the name, then tagged keys and values; strings stand bare, all else as JSON.
// From GLM-4.7 on without newlines between the parts.
// Source: the chat templates of GLM-4.5, GLM-4.6 and GLM-4.7.
#include "chat/call_syntax.h"

namespace autoglm {
namespace {

bool Matches(std::string_view chat_template) {
  return Contains(chat_template, "<tool_call>") && Contains(chat_template, "<arg_key>");
}

CallSyntax Syntax(std::string_view chat_template) {
  const bool on_one_line = Contains(chat_template, "<tool_call>{function-name}<arg_key>");
  const std::string newline = on_one_line ? "" : "\n";
  return {.family = "glm45",
          .body = CallSyntax::Body::kNameThenTags,
          .trigger = "<tool_call>",
          .call_begin = "<tool_call>",
          .separator = newline,
          .after_name = newline,
          .key_begin = "<arg_key>",
          .key_end = "</arg_key>" + newline,
          .value_begin = "<arg_value>",
          .value_end = "</arg_value>" + newline,
          .arguments_end = "</tool_call>"};
}

}  // namespace

extern const ToolFormat kGlm45ToolFormat;
const ToolFormat kGlm45ToolFormat = {"glm45", Matches, Syntax};

}  // namespace autoglm

// Qwen3-Coder: XML-like tags that name the function and each parameter.
// Source: the chat template of Qwen3-Coder.
#include "chat/call_syntax.h"

namespace autoglm {
namespace {

bool Matches(std::string_view chat_template) {
  return Contains(chat_template, "<tool_call>") && Contains(chat_template, "<function=") &&
         Contains(chat_template, "<parameter=");
}

CallSyntax Syntax(std::string_view /*chat_template*/) {
  return {.family = "qwen3_coder",
          .body = CallSyntax::Body::kNameThenTags,
          .trigger = "<tool_call>",
          .call_begin = "<tool_call>\n<function=",
          .call_end = "\n</tool_call>",
          .separator = "\n",
          .after_name = ">\n",
          .key_begin = "<parameter=",
          .key_end = ">",
          .value_begin = "\n",
          .value_end = "\n</parameter>\n",
          .arguments_end = "</function>",
          .value_on_own_lines = true};
}

}  // namespace

extern const ToolFormat kQwen3CoderToolFormat;
const ToolFormat kQwen3CoderToolFormat = {"qwen3_coder", Matches, Syntax};

}  // namespace autoglm

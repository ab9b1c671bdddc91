// Hermes and Qwen: a JSON object between <tool_call> tags.
// Source: the chat templates of Hermes 2 Pro, Qwen2.5 and Qwen3.
#include "chat/call_syntax.h"

namespace autoglm {
namespace {

bool Matches(std::string_view chat_template) { return Contains(chat_template, "<tool_call>"); }

CallSyntax Syntax(std::string_view /*chat_template*/) {
  return {.family = "hermes",
          .body = CallSyntax::Body::kJsonObject,
          .trigger = "<tool_call>",
          .call_begin = "<tool_call>\n",
          .call_end = "\n</tool_call>",
          .separator = "\n"};
}

}  // namespace

extern const ToolFormat kHermesToolFormat;
const ToolFormat kHermesToolFormat = {"hermes", Matches, Syntax};

}  // namespace autoglm

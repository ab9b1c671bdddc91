// GLM-4: where content would follow <|assistant|> and a newline, a call follows <|assistant|> at
// once: the name, a newline, the arguments. Another <|assistant|> begins another call.
// Source: the chat templates of glm-4-9b-chat and GLM-4-0414 and their function-calling examples.
#include "chat/call_syntax.h"

namespace autoglm {
namespace {

bool Matches(std::string_view chat_template) {
  return Contains(chat_template, "<|assistant|>") &&
         (Contains(chat_template, "<|observation|>") ||
          (Contains(chat_template, "[gMASK]") && Contains(chat_template, "metadata")));
}

CallSyntax Syntax(std::string_view /*chat_template*/) {
  return {.family = "glm4",
          .body = CallSyntax::Body::kNameThenJson,
          .separator = "<|assistant|>",
          .after_name = "\n",
          .content_on_new_line = true};
}

}  // namespace

extern const ToolFormat kGlm4ToolFormat;
const ToolFormat kGlm4ToolFormat = {"glm4", Matches, Syntax};

}  // namespace autoglm

// Llama 3.1 and later: the whole answer is a JSON object with "name" and "parameters".
// Source: the chat templates of Llama 3.1 and 3.2, which refuse more than one call in a message.
#include "chat/call_syntax.h"

namespace autoglm {
namespace {

bool Matches(std::string_view chat_template) {
  return Contains(chat_template, "<|start_header_id|>") &&
         Contains(chat_template, "\"parameters\": ");
}

CallSyntax Syntax(std::string_view /*chat_template*/) {
  return {.family = "llama3",
          .body = CallSyntax::Body::kJsonObject,
          .separator = "; ",
          .arguments_key = "parameters",
          .parallel = false};
}

}  // namespace

extern const ToolFormat kLlama3ToolFormat;
const ToolFormat kLlama3ToolFormat = {"llama3", Matches, Syntax};

}  // namespace autoglm

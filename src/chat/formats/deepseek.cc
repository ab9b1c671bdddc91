// DeepSeek: calls between control tokens; V3 and R1 put the arguments into a ```json block, V3.1
// writes them bare.
// Source: the chat templates of DeepSeek-R1 and DeepSeek-V3.1.
#include "chat/call_syntax.h"

namespace autoglm {
namespace {

bool Matches(std::string_view chat_template) {
  return Contains(chat_template, "<｜tool▁calls▁begin｜>");
}

CallSyntax Syntax(std::string_view chat_template) {
  const bool in_block = Contains(chat_template, "```json");
  return {.family = "deepseek",
          .body = CallSyntax::Body::kNameThenJson,
          .trigger = "<｜tool▁calls▁begin｜>",
          .section_begin = "<｜tool▁calls▁begin｜>",
          .call_begin =
              in_block ? "<｜tool▁call▁begin｜>function<｜tool▁sep｜>" : "<｜tool▁call▁begin｜>",
          .call_end = in_block ? "\n```<｜tool▁call▁end｜>" : "<｜tool▁call▁end｜>",
          .separator = in_block ? "\n" : "",
          .section_end = "<｜tool▁calls▁end｜>",
          .after_name = in_block ? "\n```json\n" : "<｜tool▁sep｜>"};
}

}  // namespace

extern const ToolFormat kDeepSeekToolFormat;
const ToolFormat kDeepSeekToolFormat = {"deepseek", Matches, Syntax};

}  // namespace autoglm

// For models whose template knows nothing of tools, or writes calls in a form that has no file
// here: the whole answer is one JSON object with the list of calls, as the prompt then asks for.
#include "chat/call_syntax.h"

namespace autoglm {
namespace {

bool Matches(std::string_view /*chat_template*/) { return true; }

CallSyntax Syntax(std::string_view /*chat_template*/) {
  return {
      .family = "generic_json",
      .body = CallSyntax::Body::kJsonObject,
      .section_begin = "{\"tool_calls\": [",
      .separator = ", ",
      .section_end = "]}",
  };
}

}  // namespace

extern const ToolFormat kGenericJsonToolFormat;
const ToolFormat kGenericJsonToolFormat = {"generic_json", Matches, Syntax};

}  // namespace autoglm

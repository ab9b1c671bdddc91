// AnswerMessage: an answer as the message that the next request of a conversation repeats.
#include <nlohmann/json.hpp>

#include "autoglm/autoglm.h"

namespace autoglm {

ChatMessage AnswerMessage(const GenerateResult& result) {
  using Json = nlohmann::ordered_json;
  Json extra = Json::object();
  if (!result.reasoning.empty()) extra["reasoning_content"] = result.reasoning;
  for (const ToolCall& call : result.tool_calls) {
    if (!call.complete) continue;  // the template could not write it
    extra["tool_calls"].push_back(
        {{"id", call.id},
         {"type", "function"},
         {"function", {{"name", call.name}, {"arguments", call.arguments_json}}}});
  }
  const std::string json = extra.dump(-1, ' ', false, Json::error_handler_t::replace);
  return {"assistant", result.text, extra.empty() ? "" : json};
}

}  // namespace autoglm

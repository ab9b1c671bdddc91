// See responses_request.h.
#include "service/responses_request.h"

#include <utility>

#include "base/str.h"
#include "service/chat_prompt.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

std::string Text(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// A call joins the assistant's message before it, as several calls of one answer do.
void AddCall(const Json& item, Json* messages) {
  const Json call = {
      {"id", Text(item, "call_id")},
      {"type", "function"},
      {"function", {{"name", Text(item, "name")}, {"arguments", Text(item, "arguments")}}}};
  if (messages->empty() || messages->back()["role"] != "assistant") {
    messages->push_back({{"role", "assistant"}, {"content", nullptr}});
  }
  messages->back()["tool_calls"].push_back(call);
}

/// One item of the input as a message. False where it is none that is known.
bool AddItem(const Json& item, Json* messages) {
  if (!item.is_object()) return false;
  const std::string type = item.contains("type") ? Text(item, "type") : "message";
  if (type == "message") {
    messages->push_back(item);
    messages->back().erase("type");
  } else if (type == "function_call") {
    AddCall(item, messages);
  } else if (type == "function_call_output") {
    messages->push_back({{"role", "tool"},
                         {"tool_call_id", Text(item, "call_id")},
                         {"content", item.contains("output") ? item["output"] : Json("")}});
  } else {
    // Reasoning is the model's own note; templates drop it from earlier turns.
    return type == "reasoning";
  }
  return true;
}

void ReadInput(Fields& fields, ChatRequest* chat) {
  const Json* input = fields.Find("input");
  if (input != nullptr && input->is_string()) {
    chat->messages = Json::array({{{"role", "user"}, {"content", *input}}});
    return;
  }
  if (input == nullptr || !input->is_array() || input->empty()) {
    return fields.FailMissing("input", "a string or an array of items");
  }
  Json messages = Json::array();
  for (size_t i = 0; i < input->size(); ++i) {
    if (AddItem((*input)[i], &messages)) continue;
    return fields.Fail(StrCat("input[", i, "]"),
                       "must be a message, a function_call, a function_call_output or reasoning");
  }
  const Json holder = {{"input", std::move(messages)}};
  ApiError error;
  Fields inner(holder, "", &error);
  chat->messages = ReadMessages(inner, "input");
  if (!error.ok()) fields.Fail(error);
}

/// {"type": "function", "name": ...} as {"type": "function", "function": {"name": ...}}.
Json Nested(const Json& flat) {
  if (!flat.is_object() || Text(flat, "type") != "function" || flat.contains("function")) {
    return flat;
  }
  Json function = flat;
  function.erase("type");
  return {{"type", "function"}, {"function", std::move(function)}};
}

void ReadFlatTools(Fields& fields, ResponsesRequest* request) {
  const Json* tools = fields.Array("tools");
  if (tools != nullptr && !tools->empty()) {
    request->tools = *tools;
    for (const Json& tool : *tools) request->chat.tools.push_back(Nested(tool));
  }
  if (const Json* choice = fields.Find("tool_choice")) {
    request->tool_choice = *choice;
    request->chat.tool_choice = Nested(*choice);
  }
  request->chat.parallel_tool_calls = fields.Bool("parallel_tool_calls").value_or(true);
  CheckTools(fields, request->chat);
}

void ReadTextForm(Fields& fields, ResponsesRequest* request) {
  const Json* text = fields.Object("text");
  if (text == nullptr) return;
  request->text = *text;
  if (!text->contains("format") || (*text)["format"].is_null()) return;
  const Json& format = (*text)["format"];
  if (!format.is_object()) return fields.Fail("text.format", "must be an object");
  ReadAnswerForm(fields, format, "text.format", /*nested=*/false, &request->chat);
}

void ReadPrevious(Fields& fields, ResponseStore& store, const std::string& app,
                  ResponsesRequest* request) {
  const std::optional<std::string> previous = fields.String("previous_response_id");
  if (!previous || !fields.ok()) return;
  const auto stored = store.Find(app, *previous);
  if (!stored) {
    return fields.Fail("previous_response_id",
                       StrCat("names '", Quoted(*previous), "', which is not there (any more)"));
  }
  request->previous_response_id = *previous;
  Json messages = stored->messages;
  for (Json& message : request->chat.messages) messages.push_back(std::move(message));
  request->chat.messages = std::move(messages);
}

}  // namespace

ResponsesRequest ReadResponsesRequest(Fields& fields, ResponseStore& store, const std::string& app,
                                      GenerationSpec* spec) {
  ResponsesRequest request;
  request.chat.messages_field = "input";
  ReadGenerationFields(fields, spec);
  ReadMaxTokens(fields, {"max_output_tokens"}, spec);
  spec->n = 1;
  ReadFlatTools(fields, &request);
  ReadTextForm(fields, &request);
  if (fields.Bool("background").value_or(false)) fields.Fail("background", "is not supported");
  ReadInput(fields, &request.chat);
  if (const Json* variables = fields.Object("chat_template_kwargs")) {
    request.chat.template_variables = *variables;
  }
  request.store = fields.Bool("store").value_or(true);
  if (const auto text = fields.String("instructions")) request.instructions = *text;
  fields.Object("metadata");
  for (const auto& [name, value] :
       {std::pair("max_output_tokens", &request.max_output_tokens),
        std::pair("temperature", &request.temperature), std::pair("top_p", &request.top_p),
        std::pair("metadata", &request.metadata)}) {
    if (const Json* sent = fields.Find(name)) *value = *sent;
  }
  ReadPrevious(fields, store, app, &request);
  return request;
}

}  // namespace autoglm

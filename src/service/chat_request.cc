// See chat_request.h.
#include "service/chat_request.h"

#include <chrono>
#include <random>
#include <utility>

#include "base/str.h"
#include "chat/answer_grammar.h"
#include "chat/tools.h"
#include "sampling/grammar/builtin.h"
#include "service/answer_format.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

uint64_t RandomSeed() {
  std::random_device device;
  return static_cast<uint64_t>(device()) << 32 | device();
}

/// A failure of the conversation as an error of the field that its message begins with.
ApiError ErrorOf(const Status& status, const ChatRequest& request) {
  ApiError error = FromStatus(status);
  // What a schema asks for and cannot be had is the request's mistake.
  if (status.code() == StatusCode::kUnimplemented) error.status = 400;
  if (error.status == 400) error.type = "invalid_request_error";
  error.param = request.messages_field;
  const std::string_view message = error.message;
  const size_t end = message.find(": ");
  if (end == std::string_view::npos) return error;
  const std::string_view field = message.substr(0, end);
  if (field == kContentSchemaField) {
    error.param = request.schema_field;
    error.message = StrCat(request.schema_field, message.substr(end));
  } else if (field.starts_with("tools[") || field.starts_with("tool_choice")) {
    error.param = std::string(field);
  } else if (field.starts_with("messages[")) {
    const std::string rest(message.substr(std::string_view("messages").size()));
    error.param = request.messages_field + std::string(field.substr(8));
    error.message = request.messages_field + rest;
  }
  return error;
}

ConversationRequest ToConversation(const ChatRequest& request) {
  ConversationRequest out;
  out.messages = &request.messages;
  out.tools = &request.tools;
  out.tool_choice = &request.tool_choice;
  out.parallel_tool_calls = request.parallel_tool_calls;
  if (!request.content_schema.is_null()) out.content_schema = &request.content_schema;
  if (request.template_variables.is_object()) out.variables = &request.template_variables;
  out.id_seed = RandomSeed();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  out.now_unix_s = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  return out;
}

/// "tools[0].type: is ..." as an error of that field.
void FailWith(Fields& fields, const Status& status) {
  const std::string& message = status.message();
  fields.Fail(InvalidField(message.substr(0, message.find(": ")), message));
}

ApiError Compile(const HostedModel& model, const ChatRequest& request, GrammarSpec spec,
                 SequenceOptions* options) {
  std::string field = "tools";
  if (!request.grammar.empty()) {
    field = "grammar";
    Result<std::string> gbnf = ResolveGrammar(request.grammar);
    if (!gbnf.ok()) return InvalidField(field, StrCat("grammar: ", gbnf.status().message()));
    spec.gbnf = std::move(*gbnf);
  }
  if (spec.gbnf.empty()) return {};
  auto grammar = model.parts->engine->CompileGrammar(spec);
  if (!grammar.ok()) {
    ApiError error = FromStatus(grammar.status());
    if (request.tools.is_null() && request.grammar.empty()) field = request.schema_field;
    error.param = field;
    return error;
  }
  options->grammar = std::move(*grammar);
  return {};
}

}  // namespace

void ReadTools(Fields& fields, ChatRequest* request) {
  if (const Json* tools = fields.Array("tools"); tools != nullptr && !tools->empty()) {
    request->tools = *tools;
  }
  if (const Json* choice = fields.Find("tool_choice")) request->tool_choice = *choice;
  request->parallel_tool_calls = fields.Bool("parallel_tool_calls").value_or(true);
  CheckTools(fields, *request);
}

void CheckTools(Fields& fields, const ChatRequest& request) {
  if (!fields.ok()) return;
  const auto tools = ParseTools(request.tools);
  if (!tools.ok()) return FailWith(fields, tools.status());
  const auto choice = ParseToolChoice(request.tool_choice, *tools);
  if (!choice.ok()) FailWith(fields, choice.status());
}

void ReadAnswerForm(Fields& fields, const Json& format, const std::string& name, bool nested,
                    ChatRequest* request) {
  const Json* const type = format.contains("type") ? &format["type"] : nullptr;
  if (type != nullptr && *type == "text") return;
  if (type != nullptr && *type == "json_object") {
    request->content_schema = {{"type", "object"}};
    return;
  }
  if (type == nullptr || *type != "json_schema") {
    return fields.Fail(
        InvalidField(name + ".type",
                     StrCat("'", name, ".type' must be one of text, json_object and json_schema")));
  }
  const std::string holder = nested ? name + ".json_schema" : name;
  const Json empty;
  const Json& object = !nested                          ? format
                       : format.contains("json_schema") ? format["json_schema"]
                                                        : empty;
  request->schema_field = holder + ".schema";
  if (!object.is_object() || !object.contains("schema") ||
      !(object["schema"].is_object() || object["schema"].is_boolean())) {
    return fields.Fail(InvalidField(request->schema_field,
                                    StrCat("'", request->schema_field, "' must be a JSON Schema")));
  }
  request->content_schema = object["schema"];
}

void ReadGrammar(Fields& fields, ChatRequest* request) {
  request->grammar = fields.String("grammar").value_or("");
  if (request->grammar.empty() || !fields.ok()) return;
  if (!request->tools.is_null() || !request->content_schema.is_null()) {
    fields.Fail("grammar", "cannot stand beside tools or a response format of JSON");
  }
}

ApiError PrepareChat(const HostedModel& model, const ChatRequest& request,
                     std::vector<int32_t>* prompt, SequenceOptions* options,
                     AnswerParserOptions* parser) {
  const LoadedModel& parts = *model.parts;
  if (!parts.conversation_format) return ErrorOf(parts.chat_status, request);
  Result<Conversation> conversation = parts.conversation_format->Prepare(ToConversation(request));
  if (!conversation.ok()) return ErrorOf(conversation.status(), request);
  *prompt =
      model.tokenizer().Encode(conversation->prompt, {.add_special = false, .parse_special = true});
  options->shown_special = conversation->shown_special;
  *parser = std::move(conversation->parser);
  const ApiError error = Compile(model, request, std::move(conversation->grammar), options);
  if (!error.ok()) return error;
  return CheckPromptLength(model, *prompt, request.messages_field.c_str());
}

}  // namespace autoglm

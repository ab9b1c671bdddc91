// ChatRequest: what the APIs that talk ask of a model: messages, tools, the form of the answer.
#pragma once

#include <cstdint>
#include <vector>

#include <nlohmann/json.hpp>

#include "chat/answer_parser.h"
#include "engine/sequence.h"
#include "service/api_error.h"
#include "service/fields.h"
#include "service/hosted_model.h"

namespace autoglm {

struct ChatRequest {
  nlohmann::ordered_json messages;            ///< as ReadMessages gives them
  nlohmann::ordered_json template_variables;  ///< an object, or null
  nlohmann::ordered_json tools;               ///< in the form of chat completions, or null
  nlohmann::ordered_json tool_choice;         ///< in that form, or null
  bool parallel_tool_calls = true;
  nlohmann::ordered_json content_schema;  ///< a JSON Schema for the content, or null
  std::string grammar;                    ///< GBNF or a name for the whole answer, or empty

  // What the fields are called in errors.
  std::string messages_field = "messages";
  std::string schema_field = "response_format.json_schema.schema";
};

/// `tools`, `tool_choice` and `parallel_tool_calls`, in the form of chat completions.
void ReadTools(Fields& fields, ChatRequest* request);
/// Checks request->tools and tool_choice; what is wrong goes to `fields`.
void CheckTools(Fields& fields, const ChatRequest& request);
/// `format`: an object of type text, json_object or json_schema; the schema is its member
/// `json_schema` where `nested`, else stands in it. Wrong ones go to `fields` as `name`.
void ReadAnswerForm(Fields& fields, const nlohmann::ordered_json& format, const std::string& name,
                    bool nested, ChatRequest* request);
/// `grammar`: GBNF, "autoglm" or "json".
void ReadGrammar(Fields& fields, ChatRequest* request);

/// The prompt's tokens, and how the answer is held to its form (`options`) and read (`parser`).
ApiError PrepareChat(const HostedModel& model, const ChatRequest& request,
                     std::vector<int32_t>* prompt, SequenceOptions* options,
                     AnswerParserOptions* parser);

}  // namespace autoglm

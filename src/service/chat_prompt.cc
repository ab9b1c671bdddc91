// See chat_prompt.h.
#include "service/chat_prompt.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/str.h"
#include "service/answer_format.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::string ReadContent(Fields& message, const char* name) {
  const Json* content = message.Find(name);
  if (content == nullptr) return {};
  if (content->is_string()) return content->get<std::string>();
  if (!content->is_array()) {
    message.Fail(name, StrCat("is ", KindOf(*content), "; expected a string or an array of parts"));
    return {};
  }
  std::string text;
  for (size_t i = 0; i < content->size() && message.ok(); ++i) {
    const std::string path = StrCat(name, "[", i, "]");
    const Json& part = (*content)[i];
    const Json* type = part.is_object() && part.contains("type") ? &part["type"] : nullptr;
    const bool is_text =
        type != nullptr && (*type == "text" || *type == "input_text" || *type == "output_text");
    if (!is_text || !part.contains("text") || !part["text"].is_string()) {
      message.Fail(path, "is no part of type 'text'; this service reads text only");
      return {};
    }
    if (i > 0) text += '\n';
    text += part["text"].get_ref<const std::string&>();
  }
  return text;
}

Json ReadMessages(Fields& fields, const char* name) {
  const Json* messages = fields.Array(name);
  if (messages == nullptr || messages->empty()) {
    fields.FailMissing(name, "an array with at least one message");
    return {};
  }
  Json out = Json::array();
  for (size_t i = 0; i < messages->size() && fields.ok(); ++i) {
    const Json& message = (*messages)[i];
    const std::string path = fields.PathOf(StrCat(name, "[", i, "]"));
    ApiError error;
    Fields inner(message, path, &error);
    if (!message.is_object()) {
      error =
          InvalidField(path, StrCat("'", path, "' is ", KindOf(message), "; expected an object"));
    }
    const std::optional<std::string> role = inner.String("role");
    if (!role || role->empty()) inner.FailMissing("role", "a string as \"user\"");
    const std::string content = ReadContent(inner, "content");
    if (!inner.Has("content") && (role != "assistant" || !inner.Has("tool_calls"))) {
      inner.FailMissing("content", "a string or an array of parts");
    }
    if (!error.ok()) {
      fields.Fail(error);
      return {};
    }
    Json copy = message;
    copy["role"] = *role == "developer" ? "system" : *role;
    copy["content"] = content;
    out.push_back(std::move(copy));
  }
  return out;
}

Result<std::string> RenderMessages(const HostedModel& model, const Json& messages,
                                   const Json& template_variables) {
  const LoadedModel& parts = *model.parts;
  if (!parts.conversation_format) return parts.chat_status;
  ConversationRequest request;
  request.messages = &messages;
  if (template_variables.is_object()) request.variables = &template_variables;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  request.now_unix_s = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  AUTOGLM_ASSIGN_OR_RETURN(Conversation conversation, parts.conversation_format->Prepare(request));
  return std::move(conversation.prompt);
}

ApiError TokenizeMessages(const HostedModel& model, const Json& messages,
                          const Json& template_variables, const char* field,
                          std::vector<int32_t>* prompt) {
  const Result<std::string> text = RenderMessages(model, messages, template_variables);
  if (!text.ok()) {
    ApiError error = FromStatus(text.status());
    error.param = field;
    return error;
  }
  *prompt = model.tokenizer().Encode(*text, {.add_special = false, .parse_special = true});
  return CheckPromptLength(model, *prompt, field);
}

}  // namespace autoglm

// See template_input.h.
#include "chat/template_input.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "chat/call_writer.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

template <typename... Parts>
Status Invalid(const Parts&... parts) {
  return Error(StatusCode::kInvalidArgument, parts...);
}

/// Parts of type text become one string.
Result<Json> PlainContent(const Json& content, const std::string& field) {
  if (content.is_string() || content.is_null()) return content;
  if (!content.is_array()) {
    return Invalid(field, ": must be a string or a list of parts, not ", content.type_name());
  }
  std::string text;
  for (size_t i = 0; i < content.size(); ++i) {
    const Json& part = content[i];
    const auto type = part.is_object() ? part.find("type") : part.end();
    if (!part.is_object() || type == part.end() || *type != "text" || !part.contains("text") ||
        !part["text"].is_string()) {
      return Invalid(field, "[", i, "]: only parts of type text can be read");
    }
    text += part["text"].get_ref<const std::string&>();
  }
  return Json(text);
}

/// An id of the length that the family demands: itself, or letters that follow from it.
std::string FittingId(const std::string& id, int length) {
  if (length == 0 || id.size() == static_cast<size_t>(length)) return id;
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  Rng rng(hash);
  std::string out;
  for (int i = 0; i < length; ++i) out += static_cast<char>('a' + rng.NextBelow(26));
  return out;
}

class Translator {
 public:
  Translator(const TemplateTraits& traits, const CallSyntax& syntax)
      : traits_(traits), syntax_(syntax) {}

  Status Add(const Json& message, const std::string& field) {
    if (!message.is_object()) {
      return Invalid(field, ": must be an object, not ", message.type_name());
    }
    const auto role = message.find("role");
    if (role == message.end() || !role->is_string()) return Invalid(field, ".role: is missing");
    Json out = message;
    if (*role == "developer") out["role"] = "system";
    AUTOGLM_ASSIGN_OR_RETURN(out["content"],
                             PlainContent(message.value("content", Json()), field + ".content"));
    const auto calls = message.find("tool_calls");
    const bool has_calls = calls != message.end() && !calls->is_null();
    if (!has_calls) out.erase("tool_calls");
    if (has_calls && (!calls->is_array() || !calls->empty())) {
      return AddCalls(std::move(out), field + ".tool_calls");
    }
    out.erase("tool_calls");
    if (out["content"].is_null()) out["content"] = "";
    if (*role == "tool" && message.contains("tool_call_id"))
      return AddResult(std::move(out), field);
    messages_.push_back(std::move(out));
    return OkStatus();
  }

  Json Take() && { return std::move(messages_); }

 private:
  Result<ToolCall> ReadCall(const Json& call, const std::string& field) {
    const auto function = call.is_object() ? call.find("function") : call.end();
    if (!call.is_object() || function == call.end() || !function->is_object() ||
        !function->contains("name") || !(*function)["name"].is_string()) {
      return Invalid(field, ".function: must be an object with name and arguments");
    }
    ToolCall out;
    out.name = (*function)["name"].get<std::string>();
    if (call.contains("id") && call["id"].is_string()) out.id = call["id"].get<std::string>();
    names_[out.id] = out.name;
    out.id = FittingId(out.id, syntax_.id_length);
    Json arguments = function->value("arguments", Json::object());
    if (arguments.is_string()) {
      const std::string text = arguments.get<std::string>();
      arguments = text.empty() ? Json::object() : Json::parse(text, nullptr, false);
    }
    if (!arguments.is_object()) {
      return Invalid(field, ".function.arguments: must be the text of a JSON object");
    }
    out.arguments_json = arguments.dump(-1, ' ', false, Json::error_handler_t::replace);
    return out;
  }

  Status AddCalls(Json message, const std::string& field) {
    const Json& calls = message["tool_calls"];
    if (!calls.is_array()) return Invalid(field, ": must be an array, not ", calls.type_name());
    std::vector<ToolCall> read;
    for (size_t i = 0; i < calls.size(); ++i) {
      AUTOGLM_ASSIGN_OR_RETURN(ToolCall call, ReadCall(calls[i], StrCat(field, "[", i, "]")));
      read.push_back(std::move(call));
    }
    message.erase("tool_calls");
    const bool has_text = message["content"].is_string() && message["content"] != "";
    if (!has_text) message["content"] = "";
    switch (traits_.calls) {
      case TemplateTraits::Calls::kToolCalls:
        if (!has_text && traits_.null_content) message["content"] = nullptr;
        message["tool_calls"] = ForTemplate(read);
        messages_.push_back(std::move(message));
        break;
      case TemplateTraits::Calls::kMetadata:
        if (has_text) messages_.push_back(message);
        for (const ToolCall& call : read) {
          message["metadata"] = call.name;
          message["content"] = call.arguments_json;
          messages_.push_back(message);
        }
        break;
      case TemplateTraits::Calls::kText: {
        const std::string text = message["content"].get<std::string>();
        message["content"] = (has_text ? text + "\n" : "") + WriteCalls(syntax_, read);
        messages_.push_back(std::move(message));
        break;
      }
    }
    return OkStatus();
  }

  Json ForTemplate(const std::vector<ToolCall>& calls) const {
    Json out = Json::array();
    for (const ToolCall& call : calls) {
      const Json arguments =
          traits_.string_arguments ? Json(call.arguments_json) : Json::parse(call.arguments_json);
      Json json = {{"id", call.id},
                   {"type", "function"},
                   {"function", {{"name", call.name}, {"arguments", arguments}}}};
      if (call.id.empty()) json.erase("id");
      out.push_back(std::move(json));
    }
    return out;
  }

  Status AddResult(Json message, const std::string& field) {
    const Json& id = message["tool_call_id"];
    if (!id.is_string()) return Invalid(field, ".tool_call_id: must be a string");
    const std::string given = id.get<std::string>();
    const auto name = names_.find(given);
    if (!message.contains("name") && name != names_.end()) message["name"] = name->second;
    message["tool_call_id"] = FittingId(given, syntax_.id_length);
    if (traits_.results == TemplateTraits::Results::kObservation) message["role"] = "observation";
    if (traits_.results != TemplateTraits::Results::kUser) {
      messages_.push_back(std::move(message));
      return OkStatus();
    }
    Json result = {{"tool_result",
                    {{"name", message.value("name", Json())}, {"content", message["content"]}}}};
    if (result["tool_result"]["name"].is_null()) result["tool_result"].erase("name");
    const std::string text = result.dump(-1, ' ', false, Json::error_handler_t::replace);
    // Results of one turn are one message: templates want users and assistants to alternate.
    if (last_is_result_ == messages_.size() && !messages_.empty()) {
      Json& content = messages_.back()["content"];
      content = content.get<std::string>() + "\n" + text;
    } else {
      messages_.push_back({{"role", "user"}, {"content", text}});
    }
    last_is_result_ = messages_.size();
    return OkStatus();
  }

  const TemplateTraits& traits_;
  const CallSyntax& syntax_;
  Json messages_ = Json::array();
  std::map<std::string, std::string> names_;  ///< of tools, by the ids of calls
  size_t last_is_result_ = 0;  ///< number of messages when the last one became results
};

/// Templates look into the parameters, which OpenAI lets a tool without any leave out.
Json WithParameters(Json tools) {
  for (Json& tool : tools) {
    Json& function = tool["function"];
    if (function.contains("parameters") && function["parameters"].is_object()) continue;
    function["parameters"] = {{"type", "object"}, {"properties", Json::object()}};
  }
  return tools;
}

/// What a system message says of tools where the template does not.
std::string ToolsInWords(const CallSyntax& syntax, const Json& tools) {
  std::string out = "You can call these tools:\n";
  for (const Json& tool : tools) {
    out += tool["function"].dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  const ToolCall example = {"abcdefgh1", "NAME", R"({"PARAMETER": "VALUE"})", true};
  out += "\nTo call one, answer in this form";
  out += syntax.trigger.empty() ? " and with nothing else" : "";
  return out + ":\n" + WriteCalls(syntax, {&example, 1}) +
         "\nThe next message then tells its result.";
}

/// Puts `text` into the system message; without one, or without that role, into a message of its
/// own, or into the first of the user.
void AddSystemText(const TemplateTraits& traits, const std::string& text, Json* messages) {
  const char* const role = traits.system_role ? "system" : "user";
  for (Json& message : *messages) {
    if (message["role"] != role) continue;
    const std::string old = message["content"].is_string() ? message["content"] : Json("");
    if (traits.system_role) message["content"] = old.empty() ? text : old + "\n\n" + text;
    if (!traits.system_role) message["content"] = old.empty() ? text : text + "\n\n" + old;
    return;
  }
  messages->insert(messages->begin(), Json{{"role", role}, {"content", text}});
}

/// For templates that refuse the role or pass it over.
void MoveSystemToUser(Json* messages) {
  std::string text;
  Json rest = Json::array();
  for (Json& message : *messages) {
    if (message["role"] != "system") {
      rest.push_back(std::move(message));
      continue;
    }
    text += (text.empty() ? "" : "\n\n") + message["content"].get<std::string>();
  }
  *messages = std::move(rest);
  if (!text.empty()) AddSystemText({.system_role = false}, text, messages);
}

}  // namespace

Status SetTemplateInput(const TemplateTraits& traits, const CallSyntax& syntax,
                        const Json& messages, const Json& tools, Json* input) {
  if (!messages.is_array()) {
    return Invalid("messages: must be an array, not ", messages.type_name());
  }
  Translator translator(traits, syntax);
  for (size_t i = 0; i < messages.size(); ++i) {
    AUTOGLM_RETURN_IF_ERROR(translator.Add(messages[i], StrCat("messages[", i, "]")));
  }
  Json out = std::move(translator).Take();
  if (!traits.system_role) MoveSystemToUser(&out);
  if (tools.is_array() && !tools.empty()) {
    switch (traits.tools) {
      case TemplateTraits::Tools::kVariable:
        (*input)["tools"] = WithParameters(tools);
        break;
      case TemplateTraits::Tools::kSystemMessage:
        if (out.empty() || out[0]["role"] != "system") {
          out.insert(out.begin(), Json{{"role", "system"}, {"content", ""}});
        }
        out[0]["tools"] = WithParameters(tools);
        break;
      case TemplateTraits::Tools::kText:
        AddSystemText(traits, ToolsInWords(syntax, tools), &out);
        break;
    }
  }
  (*input)["messages"] = std::move(out);
  return OkStatus();
}

}  // namespace autoglm

// See call_writer.h.
#include "chat/call_writer.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "chat/tools.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

/// With a space behind ',' and ':', as Python and so nearly all training data has it.
void Dump(const Json& json, std::string* out) {
  if (!json.is_structured()) {
    *out += json.dump(-1, ' ', false, Json::error_handler_t::replace);
    return;
  }
  *out += json.is_object() ? '{' : '[';
  bool first = true;
  for (const auto& [key, value] : json.items()) {
    if (!std::exchange(first, false)) *out += ", ";
    if (json.is_object()) {
      AppendJsonString(out, key);
      *out += ": ";
    }
    Dump(value, out);
  }
  *out += json.is_object() ? '}' : ']';
}

std::string Dump(const Json& json) {
  std::string out;
  Dump(json, &out);
  return out;
}

void WriteObject(const CallSyntax& syntax, const ToolCall& call, const Json& arguments,
                 std::string* out) {
  *out += "{\"" + syntax.name_key + "\": ";
  AppendJsonString(out, call.name);
  *out += ", \"" + syntax.arguments_key + "\": " + Dump(arguments);
  if (syntax.has_id) {
    *out += ", \"id\": ";
    AppendJsonString(out, call.id);
  }
  *out += '}';
}

void WriteTags(const CallSyntax& syntax, const Json& arguments, std::string* out) {
  for (const auto& [key, value] : arguments.items()) {
    *out += syntax.key_begin + key + syntax.key_end + syntax.value_begin;
    *out += value.is_string() ? value.get<std::string>() : Dump(value);
    *out += syntax.value_end;
  }
  *out += syntax.arguments_end;
}

void WriteCall(const CallSyntax& syntax, const ToolCall& call, std::string* out) {
  Json arguments = Json::parse(call.arguments_json, nullptr, /*allow_exceptions=*/false);
  if (!arguments.is_object()) arguments = Json::object();
  *out += syntax.call_begin;
  if (syntax.body == CallSyntax::Body::kJsonObject) {
    WriteObject(syntax, call, arguments, out);
  } else {
    *out += call.name;
    if (!syntax.id_begin.empty()) *out += syntax.id_begin + call.id;
    *out += syntax.after_name;
    if (syntax.body == CallSyntax::Body::kNameThenJson) {
      *out += Dump(arguments);
    } else {
      WriteTags(syntax, arguments, out);
    }
  }
  *out += syntax.call_end;
}

}  // namespace

std::string WriteCalls(const CallSyntax& syntax, std::span<const ToolCall> calls) {
  std::string out = syntax.section_begin;
  for (size_t i = 0; i < calls.size(); ++i) {
    if (i > 0) out += syntax.separator;
    WriteCall(syntax, calls[i], &out);
  }
  return out + syntax.section_end;
}

}  // namespace autoglm

// See tools.h.
#include "chat/tools.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "chat/call_syntax.h"
#include "chat/literal.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

template <typename... Parts>
Status Invalid(const Parts&... parts) {
  return Error(StatusCode::kInvalidArgument, parts...);
}

/// The bit of a type's name in JSON Schema; 0 for string, and for what is no type.
uint8_t TypeBit(std::string_view type) {
  if (type == "null") return ParameterKind::kNull;
  if (type == "boolean") return ParameterKind::kBoolean;
  if (type == "integer") return ParameterKind::kInteger;
  if (type == "number") return ParameterKind::kNumber | ParameterKind::kInteger;
  if (type == "array") return ParameterKind::kArray;
  return type == "object" ? ParameterKind::kObject : 0;
}

std::string_view TypeOf(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return "boolean";
  if (value.is_number_integer()) return "integer";
  if (value.is_number()) return "number";
  if (value.is_array()) return "array";
  return value.is_object() ? "object" : "string";
}

Status ReadParameters(const Json& function, const std::string& field, ToolSpec* tool) {
  const auto parameters = function.find("parameters");
  if (parameters == function.end() || parameters->is_null()) {
    tool->parameters_json = R"({"type": "object", "properties": {}})";
    return OkStatus();
  }
  if (!parameters->is_object()) {
    return Invalid(field, ".parameters: must be a JSON Schema object, not ",
                   parameters->type_name());
  }
  const auto type = parameters->find("type");
  if (type != parameters->end() && *type != "object") {
    return Invalid(field, ".parameters.type: must be \"object\", not ", Quoted(type->dump()));
  }
  Json schema = *parameters;
  schema["type"] = "object";
  tool->parameters_json = schema.dump(-1, ' ', false, Json::error_handler_t::replace);
  const auto properties = schema.find("properties");
  if (properties == schema.end()) return OkStatus();
  if (!properties->is_object()) {
    return Invalid(field, ".parameters.properties: must be an object, not ",
                   properties->type_name());
  }
  for (const auto& [name, property] : properties->items()) {
    tool->parameters[name] = ParameterKindOf(property);
  }
  return OkStatus();
}

Status CheckName(const Json& function, const std::string& field, ToolSpec* tool) {
  const auto name = function.find("name");
  if (name == function.end()) return Invalid(field, ".name: is missing");
  if (!name->is_string()) {
    return Invalid(field, ".name: must be a string, not ", name->type_name());
  }
  tool->name = name->get<std::string>();
  if (tool->name.empty() || tool->name.size() > kMaxToolName ||
      !std::all_of(tool->name.begin(), tool->name.end(), IsToolNameChar)) {
    return Invalid(field, ".name: is ", Quoted(tool->name), "; it must have 1 to ", kMaxToolName,
                   " letters, digits or any of _-.:/");
  }
  return OkStatus();
}

Result<ToolSpec> ParseTool(const Json& tool, const std::string& field) {
  if (!tool.is_object()) return Invalid(field, ": must be an object, not ", tool.type_name());
  const auto type = tool.find("type");
  if (type != tool.end() && *type != "function") {
    return Invalid(field, ".type: is ", Quoted(type->dump()), "; only \"function\" is known");
  }
  const auto function = tool.find("function");
  if (function == tool.end() || !function->is_object()) {
    return Invalid(field, ".function: must be an object with name, description and parameters");
  }
  const std::string inner = field + ".function";
  ToolSpec out;
  AUTOGLM_RETURN_IF_ERROR(CheckName(*function, inner, &out));
  const auto description = function->find("description");
  if (description != function->end() && !description->is_null()) {
    if (!description->is_string()) return Invalid(inner, ".description: must be a string");
    out.description = description->get<std::string>();
  }
  AUTOGLM_RETURN_IF_ERROR(ReadParameters(*function, inner, &out));
  return out;
}

}  // namespace

ParameterKind ParameterKindOf(const Json& schema) {
  if (!schema.is_object()) return {};
  for (const char* key : {"$ref", "anyOf", "oneOf", "allOf"}) {
    if (schema.contains(key)) return {.form = ParameterKind::Form::kJson};
  }
  bool may_be_string = false;
  ParameterKind kind = {.form = ParameterKind::Form::kJson, .types = 0};
  const auto permit = [&](std::string_view type) {
    may_be_string |= type == "string";
    kind.types |= TypeBit(type);
  };
  const auto permit_each = [&](const Json& list, bool are_types) {
    for (const Json& one : list) {
      if (!are_types) permit(TypeOf(one));
      if (are_types && one.is_string()) permit(one.get_ref<const std::string&>());
    }
  };
  if (const auto type = schema.find("type"); type != schema.end()) {
    permit_each(type->is_array() ? *type : Json::array({*type}), /*are_types=*/true);
  } else if (const auto values = schema.find("enum"); values != schema.end()) {
    permit_each(*values, /*are_types=*/false);
  } else if (const auto value = schema.find("const"); value != schema.end()) {
    permit(TypeOf(*value));
  }
  if (!may_be_string && kind.types == 0) return {};
  if (may_be_string) {
    kind.form = kind.types == 0 ? ParameterKind::Form::kString : ParameterKind::Form::kEither;
  }
  return kind;
}

bool IsToolNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == ':' || c == '/';
}

ParameterKind ToolSpec::Kind(std::string_view parameter) const {
  const auto found = parameters.find(parameter);
  return found == parameters.end() ? ParameterKind() : found->second;
}

Result<std::vector<ToolSpec>> ParseTools(const Json& tools) {
  std::vector<ToolSpec> out;
  if (tools.is_null()) return out;
  if (!tools.is_array()) return Invalid("tools: must be an array, not ", tools.type_name());
  std::set<std::string> names;
  for (size_t i = 0; i < tools.size(); ++i) {
    const std::string field = StrCat("tools[", i, "]");
    AUTOGLM_ASSIGN_OR_RETURN(ToolSpec tool, ParseTool(tools[i], field));
    if (!names.insert(tool.name).second) {
      return Invalid(field, ".function.name: ", Quoted(tool.name), " is there twice");
    }
    out.push_back(std::move(tool));
  }
  return out;
}

Result<ToolChoice> ParseToolChoice(const Json& choice, std::span<const ToolSpec> tools) {
  ToolChoice out;
  if (choice.is_null()) return out;
  if (choice.is_string()) {
    const std::string& mode = choice.get_ref<const std::string&>();
    if (mode == "none") {
      out.mode = ToolChoice::Mode::kNone;
    } else if (mode == "required") {
      out.mode = ToolChoice::Mode::kRequired;
    } else if (mode != "auto") {
      return Invalid("tool_choice: is ", Quoted(mode),
                     "; it must be auto, none, required or an object that names a function");
    }
    if (out.mode == ToolChoice::Mode::kRequired && tools.empty()) {
      return Invalid("tool_choice: is required, and there are no tools");
    }
    return out;
  }
  const auto function = choice.is_object() ? choice.find("function") : choice.end();
  if (!choice.is_object() || function == choice.end() || !function->is_object() ||
      !function->contains("name") || !(*function)["name"].is_string()) {
    return Invalid(
        "tool_choice: must be auto, none, required or "
        "{\"type\": \"function\", \"function\": {\"name\": ...}}");
  }
  out.mode = ToolChoice::Mode::kNamed;
  out.name = (*function)["name"].get<std::string>();
  if (FindTool(tools, out.name) == nullptr) {
    return Invalid("tool_choice.function.name: ", Quoted(out.name), " is none of the tools");
  }
  return out;
}

const ToolSpec* FindTool(std::span<const ToolSpec> tools, std::string_view name) {
  for (const ToolSpec& tool : tools) {
    if (tool.name == name) return &tool;
  }
  return nullptr;
}

void AppendJsonStringPiece(std::string* out, std::string_view piece) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : piece) {
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += c;
    } else if (c == '\n') {
      *out += "\\n";
    } else if (c == '\t') {
      *out += "\\t";
    } else if (c == '\r') {
      *out += "\\r";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      *out += "\\u00";
      *out += kHex[static_cast<unsigned char>(c) >> 4];
      *out += kHex[static_cast<unsigned char>(c) & 15];
    } else {
      *out += c;
    }
  }
}

void AppendJsonString(std::string* out, std::string_view value) {
  *out += '"';
  AppendJsonStringPiece(out, value);
  *out += '"';
}

std::string BareValueToJson(std::string_view text, const ParameterKind& kind) {
  using Form = ParameterKind::Form;
  std::string out;
  if (kind.form != Form::kString) {
    const std::string_view trimmed = TrimSpace(text);
    const Json value = Json::parse(trimmed, nullptr, /*allow_exceptions=*/false);
    // The parser takes a zero byte for the end.
    const bool fits = Contains(trimmed, std::string_view("\0", 1)) ? false
                      : kind.form == Form::kJson
                          ? !value.is_discarded()
                          : !value.is_discarded() && (TypeBit(TypeOf(value)) & kind.types) != 0;
    if (fits) return std::string(trimmed);
    // Templates that print values as Python does. Where a string is possible, it may be one.
    if (kind.form == Form::kJson) {
      if ((kind.types & ParameterKind::kBoolean) && trimmed == "True") return "true";
      if ((kind.types & ParameterKind::kBoolean) && trimmed == "False") return "false";
      if ((kind.types & ParameterKind::kNull) && trimmed == "None") return "null";
    }
  }
  AppendJsonString(&out, text);
  return out;
}

}  // namespace autoglm

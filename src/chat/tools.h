// The tools that a request offers and which of them may be called, as OpenAI's API gives them.
// Source: platform.openai.com/docs/api-reference/chat (tools, tool_choice).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"

namespace autoglm {

/// How a parameter's value is written where values stand without quotes, by its schema.
struct ParameterKind {
  enum class Form {
    kString,  ///< the bare text of a string
    kJson,    ///< JSON, strings with quotes
    kEither,  ///< the JSON of a value that is no string and of a permitted type, or a bare string
  };
  /// Types of JSON other than string; bits of ParameterKind::types.
  enum Type : uint8_t {
    kNull = 1,
    kBoolean = 2,
    kInteger = 4,
    kNumber = 8,
    kArray = 16,
    kObject = 32
  };

  Form form = Form::kEither;
  uint8_t types = 63;  ///< all
};

struct ToolSpec {
  std::string name;
  std::string description;      ///< may be empty
  std::string parameters_json;  ///< a JSON Schema of type object
  std::map<std::string, ParameterKind, std::less<>> parameters;

  /// Of a parameter that the schema does not tell: anything.
  ParameterKind Kind(std::string_view parameter) const;
};

struct ToolChoice {
  enum class Mode { kAuto, kNone, kRequired, kNamed };
  Mode mode = Mode::kAuto;
  std::string name = {};  ///< kNamed
};

/// Characters of a tool's name: letters, digits and _ - . : /.
bool IsToolNameChar(char c);
constexpr size_t kMaxToolName = 128;

/// `tools`: null, or [{"type": "function", "function": {"name", "description", "parameters"}}].
/// kInvalidArgument; the message begins with the field: "tools[1].function.name: ...".
Result<std::vector<ToolSpec>> ParseTools(const nlohmann::ordered_json& tools);

/// `choice`: null, "auto", "none", "required", or {"type": "function", "function": {"name"}}.
/// kInvalidArgument as above, also where a call is demanded and there is no such tool.
Result<ToolChoice> ParseToolChoice(const nlohmann::ordered_json& choice,
                                   std::span<const ToolSpec> tools);

const ToolSpec* FindTool(std::span<const ToolSpec> tools, std::string_view name);

/// Appends `value` as a JSON string, in ASCII and UTF-8, with quotes.
void AppendJsonString(std::string* out, std::string_view value);
/// The same without quotes: a piece of a string.
void AppendJsonStringPiece(std::string* out, std::string_view piece);

/// As of a property's schema. A reference or a combination of schemas counts as kJson.
ParameterKind ParameterKindOf(const nlohmann::ordered_json& schema);

/// The JSON that the text of a value stands for; where it is none of the permitted kind, a string.
std::string BareValueToJson(std::string_view text, const ParameterKind& kind);

}  // namespace autoglm

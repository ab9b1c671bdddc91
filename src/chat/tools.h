// The tools that a request offers and which of them may be called, as OpenAI's API gives them.
// Source: platform.openai.com/docs/api-reference/chat (tools, tool_choice).
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"

namespace autoglm {

/// What a parameter's schema permits, as far as a value without quotes leaves it open.
struct ParameterKind {
  bool may_be_string = true;
  bool may_be_other = true;  ///< a number, a boolean, null, an array or an object
  bool may_be_boolean = true;
  bool may_be_null = true;
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

/// The JSON that a bare text in a tagged value stands for: with a schema that permits it the value
/// that it spells, else the text as a string.
std::string BareValueToJson(std::string_view text, const ParameterKind& kind);

}  // namespace autoglm

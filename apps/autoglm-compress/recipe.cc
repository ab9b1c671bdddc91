#include "apps/autoglm-compress/recipe.h"

#include <nlohmann/json.hpp>

#include "base/str.h"

namespace autoglm {

namespace {

using nlohmann::json;
using Variables = std::map<std::string, std::string>;

Status Wrong(const auto&... parts) { return Error(StatusCode::kInvalidArgument, parts...); }

Result<std::string> TextOf(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number()) return value.dump();
  return Wrong("'", Quoted(value.dump()), "' is neither a text nor a number");
}

/// `text` with every "{name}" replaced.
Result<std::string> Filled(std::string_view text, const Variables& variables) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t open = std::min(text.find('{', at), text.size());
    out += text.substr(at, open - at);
    if (open == text.size()) break;
    const size_t close = text.find('}', open);
    if (close == text.npos) return Wrong("'", Quoted(text), "' has a { without its }");
    const std::string name(text.substr(open + 1, close - open - 1));
    const auto found = variables.find(name);
    if (found == variables.end()) return Wrong("the variable '", Quoted(name), "' has no value");
    out += found->second;
    at = close + 1;
  }
  return out;
}

Result<Variables> ReadVariables(const json& root, const Variables& overrides) {
  Variables variables = overrides;
  if (!root.contains("variables")) return variables;
  if (!root["variables"].is_object()) return Wrong("\"variables\" is no object");
  for (const auto& [name, value] : root["variables"].items()) {
    AUTOGLM_ASSIGN_OR_RETURN(std::string text, TextOf(value));
    variables.emplace(name, std::move(text));
  }
  return variables;
}

Result<RecipeStep> ReadStep(const json& value, const Variables& variables) {
  if (!value.is_object() || !value.contains("verb") || !value["verb"].is_string()) {
    return Wrong("there is no text \"verb\"");
  }
  for (const auto& [key, unused] : value.items()) {
    if (key != "verb" && key != "arguments") return Wrong("the key '", Quoted(key), "' is unknown");
  }
  RecipeStep step;
  step.verb = value["verb"].get<std::string>();
  const json arguments = value.value("arguments", json::array());
  if (!arguments.is_array()) return Wrong("\"arguments\" is no list");
  for (const json& argument : arguments) {
    AUTOGLM_ASSIGN_OR_RETURN(const std::string text, TextOf(argument));
    AUTOGLM_ASSIGN_OR_RETURN(std::string filled, Filled(text, variables));
    step.arguments.push_back(std::move(filled));
  }
  return step;
}

}  // namespace

Result<std::vector<RecipeStep>> ParseRecipeSteps(std::string_view text,
                                                 const Variables& overrides) {
  const json root = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return Wrong("not a JSON object");
  for (const auto& [key, unused] : root.items()) {
    if (key != "variables" && key != "steps")
      return Wrong("the key '", Quoted(key), "' is unknown");
  }
  AUTOGLM_ASSIGN_OR_RETURN(const Variables variables, ReadVariables(root, overrides));
  if (!root.contains("steps") || !root["steps"].is_array() || root["steps"].empty()) {
    return Wrong("there is no list \"steps\"");
  }
  std::vector<RecipeStep> steps;
  for (const json& value : root["steps"]) {
    Result<RecipeStep> step = ReadStep(value, variables);
    if (!step.ok()) return step.status().WithContext(StrCat("step ", steps.size() + 1));
    steps.push_back(std::move(step).value());
  }
  return steps;
}

}  // namespace autoglm

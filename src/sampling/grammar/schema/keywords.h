// The keywords of JSON Schema: which are known, what a schema says of a type, and two schemas that
// must both hold as one.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace autoglm::schema {

using Json = nlohmann::ordered_json;

/// `pointer` with one more reference token.
std::string Pointer(const std::string& pointer, std::string_view token);
/// "POINTER: WHAT", "#" for the root.
Status Wrong(const std::string& pointer, std::string_view what);
Status Unsupported(const std::string& pointer, std::string_view what);

/// kUnimplemented with the pointer of the first keyword that is neither supported nor a mere
/// annotation; kInvalidArgument for a value of the wrong kind. Of `schema` itself, not of those in
/// it.
Status CheckKeywords(const Json& schema, const std::string& pointer);

/// The types that `schema` permits by "type", or by its other keywords where it has none; all, in
/// the order null, boolean, object, array, number, string, where nothing is said. "integer" beside
/// "number" is left out.
Result<std::vector<std::string>> TypesOf(const Json& schema, const std::string& pointer);

/// Whether a value is of one of `types`.
bool IsOfType(const Json& value, const std::vector<std::string>& types);

/// Follows "$ref" within `root`. kInvalidArgument: nothing there; kUnimplemented: another document.
Result<const Json*> Resolve(const Json& root, const std::string& ref, const std::string& pointer);

/// One schema for what is valid against both; neither has "$ref", "allOf", and at most one has
/// "anyOf" or "oneOf". A schema for a property that both have becomes {"allOf": [a, b]}.
/// kUnimplemented where that cannot be said in one schema.
Result<Json> Merge(const Json& a, const Json& b, const std::string& pointer);

}  // namespace autoglm::schema

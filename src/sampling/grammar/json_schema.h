// JSON Schema as a grammar. Source: JSON Schema 2020-12 (and what of draft 7 is spelt otherwise).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/status.h"

namespace autoglm {

enum class JsonForm {
  /// As a model shall write it: one space behind ',' and ':' and no other white space; of an object
  /// with properties only those, unless the schema speaks of additional ones.
  kWritten,
  /// As it may be read: any white space (up to 64 characters at a place), and additional properties
  /// wherever they are not forbidden.
  kRead,
  /// As kWritten, for a place between tags: "</" stands nowhere in it. Strings that have it are
  /// written "<\\/", in those with bounds every "/" is; keys of objects do without "<".
  kInTags,
};

/// GBNF rules of the texts that are valid against `schema`. The first rule is called `name`, all
/// others begin with "name-", so that the rules of several schemas can stand in one grammar.
///
/// Properties come in the order of the schema, additional ones behind them. Type-specific keywords
/// without a type imply it. kUnimplemented: a keyword that is not supported, with its JSON pointer;
/// kInvalidArgument: not a schema, a $ref to nothing, nothing could be valid; kResourceExhausted: a
/// schema too large or too deep.
Result<std::string> JsonSchemaToGbnf(const nlohmann::ordered_json& schema,
                                     std::string_view name = "root",
                                     JsonForm form = JsonForm::kWritten);
/// GBNF rules, the first called `name`, of the bare texts without `end` that are valid strings for
/// the "pattern" or "format" of `schema` (with "minLength" and "maxLength"; all of them checked by
/// JsonSchemaToGbnf). Where a pattern could reach over `end`, what it says of many characters (".",
/// "[^a]", anything around it) does without the first character of `end`, which is ASCII.
/// kUnimplemented with the keyword's place: even so.
Result<std::string> BareStringToGbnf(const nlohmann::ordered_json& schema, std::string_view name,
                                     std::string_view end);
/// JsonSchemaToGbnf from a text.
Result<std::string> JsonSchemaToGbnf(std::string_view schema_text, JsonForm form);

}  // namespace autoglm

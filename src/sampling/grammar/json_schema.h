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
/// The same from a text.
Result<std::string> JsonSchemaToGbnf(std::string_view schema_text, JsonForm form);

}  // namespace autoglm

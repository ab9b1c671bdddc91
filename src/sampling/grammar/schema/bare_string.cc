// Strings that stand without quotes before a mark that ends them.
#include "sampling/grammar/gbnf.h"
#include "sampling/grammar/json_schema.h"
#include "sampling/grammar/schema/pattern.h"
#include "sampling/grammar/schema/schema_writer.h"
#include "sampling/grammar/schema/text_overlap.h"

namespace autoglm {
namespace {

using schema::Json;

uint32_t CountOf(const Json& schema, const char* key, uint32_t otherwise) {
  return schema.contains(key) ? static_cast<uint32_t>(schema[key].get<double>()) : otherwise;
}

}  // namespace

Result<std::string> BareStringToGbnf(const nlohmann::ordered_json& schema, std::string_view name,
                                     std::string_view end) {
  if (schema.contains("format")) {
    const std::string format = schema["format"];
    return StrCat(name, " ::= ", schema::FormatGbnf(format), "\n");
  }
  const PatternLength length = {CountOf(schema, "minLength", 0),
                                CountOf(schema, "maxLength", UINT32_MAX)};
  const std::string pattern = schema["pattern"];
  const std::string any = StrCat(name, "-char");
  const std::string with_end = StrCat("root ::= .* ", GbnfLiteral(end), " .*");
  for (const std::string_view avoided : {std::string_view(), end.substr(0, 1)}) {
    AUTOGLM_ASSIGN_OR_RETURN(
        const std::string body,
        PatternToGbnf(pattern, length, any, {PatternForm::Text::kBare, avoided}));
    const std::string rest =
        StrCat(" ::= ", body, "\n", any,
               " ::= ", avoided.empty() ? "." : StrCat("[^", avoided, "]"), "\n");
    if (FindTextOverlap("root" + rest, with_end) == TextOverlap::kNone) return StrCat(name, rest);
  }
  return Error(StatusCode::kUnimplemented, "/pattern: a text that matches it may hold ", end,
               ", which ends the value");
}

}  // namespace autoglm

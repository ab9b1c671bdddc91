// Whether no value is valid against two schemas: what oneOf needs to know. Cautious: false where it
// cannot be told.
#include <algorithm>

#include "sampling/grammar/schema/schema_writer.h"
#include "sampling/grammar/schema/text_overlap.h"

namespace autoglm::schema {
namespace {

bool HasCommonType(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const auto base = [](const std::string& type) {
    return type == "integer" ? std::string("number") : type;
  };
  return std::any_of(a.begin(), a.end(), [&](const std::string& x) {
    return std::any_of(b.begin(), b.end(),
                       [&](const std::string& y) { return base(x) == base(y); });
  });
}

bool IsOnly(const std::vector<std::string>& types, std::string_view type) {
  return types.size() == 1 && types[0] == type;
}

bool AreScalars(const std::vector<std::string>& types) {
  return std::none_of(types.begin(), types.end(),
                      [](const std::string& type) { return type == "object" || type == "array"; });
}

// The values of enum or const; null: neither.
Json ValuesOf(const Json& schema) {
  if (schema.contains("const")) return Json::array({schema["const"]});
  return schema.contains("enum") ? schema["enum"] : Json();
}

// No value has this property.
bool Forbids(const Json& schema, const std::string& name) {
  if (schema.contains("properties") && schema["properties"].contains(name)) {
    return schema["properties"][name] == Json(false);
  }
  return schema.contains("additionalProperties") && schema["additionalProperties"] == Json(false) &&
         !schema.contains("patternProperties");
}

bool Requires(const Json& schema, const std::string& name) {
  if (!schema.contains("required")) return false;
  const Json& required = schema["required"];
  return std::find(required.begin(), required.end(), name) != required.end();
}

}  // namespace

Result<bool> SchemaWriter::AreDisjoint(const Json& given_a, const Json& given_b,
                                       const std::string& pointer, int depth) {
  if (depth > 8) return false;
  AUTOGLM_ASSIGN_OR_RETURN(const Json a, Flatten(given_a, pointer, 1));
  AUTOGLM_ASSIGN_OR_RETURN(const Json b, Flatten(given_b, pointer, 1));
  if (a == Json(false) || b == Json(false)) return true;
  if (a == Json(true) || b == Json(true)) return false;
  for (const char* key : {"anyOf", "oneOf"}) {  // each of its alternatives must be
    for (const auto& [x, y] : {std::pair(&a, &b), std::pair(&b, &a)}) {
      if (!x->contains(key)) continue;
      for (const Json& alternative : (*x)[key]) {
        AUTOGLM_ASSIGN_OR_RETURN(const bool disjoint,
                                 AreDisjoint(alternative, *y, pointer, depth + 1));
        if (!disjoint) return false;
      }
      return true;
    }
  }
  AUTOGLM_ASSIGN_OR_RETURN(const std::vector<std::string> types, TypesOf(a, pointer));
  AUTOGLM_ASSIGN_OR_RETURN(const std::vector<std::string> other_types, TypesOf(b, pointer));
  const Json values = ValuesOf(a), other_values = ValuesOf(b);
  if (values.is_array() && other_values.is_array()) {
    return std::none_of(values.begin(), values.end(), [&](const Json& v) {
      return std::find(other_values.begin(), other_values.end(), v) != other_values.end();
    });
  }
  const auto none_is_of = [&](const Json& list, const std::vector<std::string>& of) {
    return std::none_of(list.begin(), list.end(), [&](const Json& v) { return IsOfType(v, of); });
  };
  if (values.is_array() && none_is_of(values, other_types)) return true;
  if (other_values.is_array() && none_is_of(other_values, types)) return true;
  // Only what is said of one type says nothing of the others.
  const bool both_typed =
      (a.contains("type") || values.is_array()) && (b.contains("type") || other_values.is_array());
  if (both_typed && !HasCommonType(types, other_types)) return true;
  if (IsOnly(types, "object") && IsOnly(other_types, "object")) {
    return ObjectsAreDisjoint(a, b, pointer, depth);
  }
  if (!both_typed || !AreScalars(types) || !AreScalars(other_types)) return false;
  const auto gbnf = JsonSchemaToGbnf(a), other_gbnf = JsonSchemaToGbnf(b);
  return gbnf.ok() && other_gbnf.ok() && FindTextOverlap(*gbnf, *other_gbnf) == TextOverlap::kNone;
}

Result<bool> SchemaWriter::ObjectsAreDisjoint(const Json& a, const Json& b,
                                              const std::string& pointer, int depth) {
  for (const auto& [x, y] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    if (!x->contains("required")) continue;
    for (const Json& required : (*x)["required"]) {
      const std::string name = required;
      if (Forbids(*y, name)) return true;
      const auto has = [&](const Json& s) {
        return s.contains("properties") && s["properties"].contains(name);
      };
      if (!Requires(*y, name) || !has(*x) || !has(*y)) continue;
      AUTOGLM_ASSIGN_OR_RETURN(
          const bool disjoint,
          AreDisjoint((*x)["properties"][name], (*y)["properties"][name], pointer, depth + 1));
      if (disjoint) return true;
    }
  }
  return false;
}

}  // namespace autoglm::schema

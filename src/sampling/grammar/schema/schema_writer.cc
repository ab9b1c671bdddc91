#include "sampling/grammar/schema/schema_writer.h"

#include <algorithm>

#include "sampling/grammar/gbnf.h"

namespace autoglm {
namespace schema {
namespace {

constexpr int kMaxValues = 50'000;
constexpr int kMaxDepth = 64;
constexpr size_t kMaxBytes = 4u << 20;
constexpr size_t kMaxOneOf = 64;

const char* const kAllOf = "allOf";

// Of `schema` only what says something of the value.
Json WithoutAnnotations(const Json& schema, std::initializer_list<std::string_view> also) {
  constexpr std::string_view kAnnotations[] = {"$schema",  "$id",         "$comment", "$anchor",
                                               "$defs",    "definitions", "title",    "description",
                                               "default",  "example",     "examples", "deprecated",
                                               "readOnly", "writeOnly",   "strict",   "nullable"};
  Json out = Json::object();
  for (const auto& [key, value] : schema.items()) {
    const bool drop = key.starts_with("x-") ||
                      std::find(std::begin(kAnnotations), std::end(kAnnotations), key) !=
                          std::end(kAnnotations) ||
                      std::find(also.begin(), also.end(), key) != also.end();
    if (!drop) out[key] = value;
  }
  return out;
}

bool IsDeeperThan(const Json& json, int limit) {
  std::vector<std::pair<const Json*, int>> pending = {{&json, 0}};
  while (!pending.empty()) {
    const auto [value, depth] = pending.back();
    pending.pop_back();
    if (depth > limit) return true;
    if (!value->is_structured()) continue;
    for (const Json& child : *value) pending.emplace_back(&child, depth + 1);
  }
  return false;
}

}  // namespace

Result<std::string> SchemaWriter::Write() {
  constexpr int kMaxNesting = 200;
  if (IsDeeperThan(root_, kMaxNesting)) {
    return Error(StatusCode::kResourceExhausted, "a JSON Schema nested more than ", kMaxNesting,
                 " deep");
  }
  rules_.emplace_back(name_, "");
  AUTOGLM_ASSIGN_OR_RETURN(const std::string value, Reference("#", ""));
  rules_[0].second = is_read() ? StrCat(Space(), " ", value, " ", Space()) : value;
  std::string out;
  for (const auto& [name, body] : rules_) StrAppend(&out, name, " ::= ", body, "\n");
  return out;
}

std::string SchemaWriter::AddRule(std::string_view hint, const std::string& body) {
  const auto [it, is_new] = rule_of_body_.try_emplace(body);
  if (is_new) {
    it->second = StrCat(name_, "-", hint, rules_.size());
    rules_.emplace_back(it->second, body);
    n_bytes_ += body.size();
  }
  return it->second;
}

std::string SchemaWriter::Group(const std::vector<std::string>& alternatives) const {
  if (alternatives.size() == 1) return alternatives[0];
  std::string out = "(";
  for (const std::string& alternative : alternatives) {
    StrAppend(&out, out.size() == 1 ? "" : " | ", alternative);
  }
  return out + ")";
}

std::string SchemaWriter::Space() { return AddRule("ws", "[ \\t\\n\\r]{0,64}"); }

Result<std::string> SchemaWriter::Value(const Json& schema, const std::string& pointer) {
  if (schema == Json(true)) return AnyValue();
  if (schema == Json(false)) return Wrong(pointer, "false: nothing can be valid");
  if (!schema.is_object()) return Wrong(pointer, "expected a schema: an object, true or false");
  if (++n_values_ > kMaxValues || n_bytes_ > kMaxBytes || depth_ >= kMaxDepth) {
    return Error(StatusCode::kResourceExhausted, "JSON Schema, #", pointer,
                 depth_ >= kMaxDepth ? ": nested too deep" : ": the schema is too large");
  }
  ++depth_;
  Result<std::string> value = ValueOfKeywords(schema, pointer);
  --depth_;
  return value;
}

Result<std::string> SchemaWriter::ValueOfKeywords(const Json& given, const std::string& pointer) {
  AUTOGLM_RETURN_IF_ERROR(CheckKeywords(given, pointer));
  if (given.contains("$ref") && WithoutAnnotations(given, {"$ref"}).empty()) {
    return Reference(given["$ref"], pointer);
  }
  AUTOGLM_ASSIGN_OR_RETURN(const Json schema, Flatten(given, pointer));
  if (schema == Json(false)) return Wrong(pointer, "nothing can be valid");
  for (const char* key : {"anyOf", "oneOf"}) {
    if (schema.contains(key)) return Alternatives(schema, key, pointer);
  }
  if (schema.contains("const") || schema.contains("enum")) return OneOfValues(schema, pointer);
  AUTOGLM_ASSIGN_OR_RETURN(const std::vector<std::string> types, TypesOf(schema, pointer));
  if (types.size() == 6 && !schema.contains("type")) return AnyValue();
  std::vector<std::string> alternatives;
  for (const std::string& type : types) {
    AUTOGLM_ASSIGN_OR_RETURN(std::string value, OfType(schema, type, pointer));
    alternatives.push_back(std::move(value));
  }
  return Group(alternatives);
}

Result<std::string> SchemaWriter::OfType(const Json& schema, const std::string& type,
                                         const std::string& pointer) {
  if (type == "null") return std::string("\"null\"");
  if (type == "boolean") return std::string("(\"true\" | \"false\")");
  if (type == "string") return StringValue(schema, pointer);
  if (type == "array") return ArrayValue(schema, pointer);
  if (type == "object") return ObjectValue(schema, pointer);
  return NumberValue(schema, type == "integer", pointer);
}

// Each target is written once, so that it may refer to itself.
Result<std::string> SchemaWriter::Reference(const std::string& ref, const std::string& pointer) {
  if (const auto it = rule_of_ref_.find(ref); it != rule_of_ref_.end()) return it->second;
  AUTOGLM_ASSIGN_OR_RETURN(const Json* target, Resolve(root_, ref, pointer));
  const size_t index = rules_.size();
  const std::string rule = StrCat(name_, "-ref", index);
  rules_.emplace_back(rule, "");
  rule_of_ref_[ref] = rule;
  AUTOGLM_ASSIGN_OR_RETURN(rules_[index].second, Value(*target, ref.substr(1)));
  return rule;
}

Result<Json> SchemaWriter::Flatten(const Json& schema, const std::string& pointer, int depth) {
  if (!schema.is_object()) return schema;
  if (depth > 16) {
    return Error(StatusCode::kResourceExhausted, "JSON Schema, #", pointer,
                 ": allOf and $ref lead too deep, or back to themselves");
  }
  if (depth > 0) AUTOGLM_RETURN_IF_ERROR(CheckKeywords(schema, pointer));
  Json flat = WithoutAnnotations(schema, {"$ref", kAllOf});
  if (schema.contains("$ref")) {
    const std::string ref = schema["$ref"];
    AUTOGLM_ASSIGN_OR_RETURN(const Json* target, Resolve(root_, ref, pointer));
    AUTOGLM_ASSIGN_OR_RETURN(const Json part, Flatten(*target, ref.substr(1), depth + 1));
    AUTOGLM_ASSIGN_OR_RETURN(flat, Merge(part, flat, pointer));
  }
  if (!schema.contains(kAllOf)) return flat;
  size_t i = 0;
  for (const Json& entry : schema[kAllOf]) {
    const std::string at = Pointer(Pointer(pointer, kAllOf), StrCat(i++));
    AUTOGLM_ASSIGN_OR_RETURN(const Json part, Flatten(entry, at, depth + 1));
    AUTOGLM_ASSIGN_OR_RETURN(flat, Merge(flat, part, at));
  }
  return flat;
}

// Of anyOf or oneOf; what stands beside it holds for each alternative.
Result<std::string> SchemaWriter::Alternatives(const Json& schema, const std::string& key,
                                               const std::string& pointer) {
  Json base = schema;
  base.erase(key);
  const std::string at = Pointer(pointer, key);
  const Json& list = schema[key];
  std::vector<std::string> values;
  std::vector<Json> merged;
  size_t i = 0;
  for (const Json& entry : list) {
    const std::string here = Pointer(at, StrCat(i++));
    Json alternative = entry;
    if (!base.empty()) {
      AUTOGLM_ASSIGN_OR_RETURN(const Json flat, Flatten(entry, here, 1));
      AUTOGLM_ASSIGN_OR_RETURN(alternative, Merge(base, flat, here));
    }
    merged.push_back(alternative);
    if (alternative == Json(false)) continue;
    AUTOGLM_ASSIGN_OR_RETURN(std::string value, Value(alternative, here));
    if (std::find(values.begin(), values.end(), value) == values.end()) {
      values.push_back(std::move(value));
    }
  }
  if (values.empty()) return Wrong(at, "nothing can be valid");
  if (key == "anyOf") return Group(values);
  if (merged.size() > kMaxOneOf)
    return Unsupported(at, StrCat("more than ", kMaxOneOf, " entries"));
  for (size_t a = 0; a < merged.size(); ++a) {
    for (size_t b = a + 1; b < merged.size(); ++b) {
      AUTOGLM_ASSIGN_OR_RETURN(const bool disjoint, AreDisjoint(merged[a], merged[b], at, 0));
      if (disjoint) continue;
      return Unsupported(at, StrCat("that entries ", a, " and ", b,
                                    " may both be valid for one value, or cannot be told apart "
                                    "(anyOf permits that)"));
    }
  }
  return Group(values);
}

Result<std::string> SchemaWriter::OneOfValues(const Json& schema, const std::string& pointer) {
  const Json values = schema.contains("enum") ? schema["enum"] : Json::array({schema["const"]});
  Json others = schema;
  for (const char* key : {"const", "enum", "type"}) others.erase(key);
  if (!others.empty()) {
    return Unsupported(Pointer(pointer, others.begin().key()), "this beside enum or const");
  }
  AUTOGLM_ASSIGN_OR_RETURN(const std::vector<std::string> types, TypesOf(schema, pointer));
  std::vector<std::string> alternatives;
  for (const Json& value : values) {
    if (!IsOfType(value, types)) continue;
    if (schema.contains("const") && schema["const"] != value) continue;
    alternatives.push_back(Constant(value));
  }
  if (alternatives.empty()) return Wrong(pointer, "no value of enum or const can be valid");
  return AddRule("enum", Group(alternatives));
}

}  // namespace schema

Result<std::string> JsonSchemaToGbnf(const nlohmann::ordered_json& schema, std::string_view name,
                                     JsonForm form) {
  return schema::SchemaWriter(schema, name, form).Write();
}

Result<std::string> JsonSchemaToGbnf(std::string_view schema_text, JsonForm form) {
  const auto json = schema::Json::parse(schema_text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return Error(StatusCode::kInvalidArgument,
                 "the JSON Schema is not JSON: ", Quoted(schema_text));
  }
  return JsonSchemaToGbnf(json, "root", form);
}

}  // namespace autoglm

#include "sampling/grammar/schema/keywords.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

namespace autoglm::schema {
namespace {

// What a keyword's value must be.
enum class Value { kAny, kCount, kNumber, kBool, kText, kSchema, kSchemas, kObject, kArray };

struct Keyword {
  std::string_view name;
  Value value;
  std::string_view type = "";  ///< of instance that it speaks of
};

constexpr Keyword kKeywords[] = {
    {"$ref", Value::kText},
    {"$defs", Value::kObject},
    {"definitions", Value::kObject},
    {"type", Value::kAny},
    {"enum", Value::kArray},
    {"const", Value::kAny},
    {"allOf", Value::kSchemas},
    {"anyOf", Value::kSchemas},
    {"oneOf", Value::kSchemas},
    {"properties", Value::kObject, "object"},
    {"patternProperties", Value::kObject, "object"},
    {"additionalProperties", Value::kSchema, "object"},
    {"required", Value::kArray, "object"},
    {"minProperties", Value::kCount, "object"},
    {"maxProperties", Value::kCount, "object"},
    {"items", Value::kAny, "array"},
    {"prefixItems", Value::kSchemas, "array"},
    {"additionalItems", Value::kSchema, "array"},
    {"minItems", Value::kCount, "array"},
    {"maxItems", Value::kCount, "array"},
    {"uniqueItems", Value::kBool, "array"},
    {"minLength", Value::kCount, "string"},
    {"maxLength", Value::kCount, "string"},
    {"pattern", Value::kText, "string"},
    {"format", Value::kText, "string"},
    {"minimum", Value::kNumber, "number"},
    {"maximum", Value::kNumber, "number"},
    {"exclusiveMinimum", Value::kAny, "number"},
    {"exclusiveMaximum", Value::kAny, "number"},
    // Annotations.
    {"$schema", Value::kAny},
    {"$id", Value::kAny},
    {"$comment", Value::kAny},
    {"$anchor", Value::kAny},
    {"title", Value::kAny},
    {"description", Value::kAny},
    {"default", Value::kAny},
    {"examples", Value::kAny},
    {"example", Value::kAny},
    {"deprecated", Value::kAny},
    {"readOnly", Value::kAny},
    {"writeOnly", Value::kAny},
    {"nullable", Value::kBool},
    {"strict", Value::kAny},
};

const Keyword* FindKeyword(std::string_view name) {
  const auto it = std::find_if(std::begin(kKeywords), std::end(kKeywords),
                               [&](const Keyword& k) { return k.name == name; });
  return it == std::end(kKeywords) ? nullptr : &*it;
}

bool IsSchema(const Json& value) { return value.is_object() || value.is_boolean(); }

bool IsCount(const Json& value) {
  if (value.is_number_unsigned()) return true;
  if (!value.is_number()) return false;
  const double number = value.get<double>();
  return number >= 0 && number <= 1e15 && number == std::floor(number);
}

bool Fits(const Json& value, Value wanted) {
  switch (wanted) {
    case Value::kAny:
      return true;
    case Value::kCount:
      return IsCount(value);
    case Value::kNumber:
      return value.is_number() && std::isfinite(value.get<double>());
    case Value::kBool:
      return value.is_boolean();
    case Value::kText:
      return value.is_string();
    case Value::kSchema:
      return IsSchema(value);
    case Value::kSchemas:
      return value.is_array() && std::all_of(value.begin(), value.end(), IsSchema);
    case Value::kObject:
      return value.is_object();
    case Value::kArray:
      return value.is_array();
  }
  return false;
}

const std::vector<std::string> kTypes = {"null", "boolean", "object", "array", "number", "string"};

// Of two bounds the one that holds both.
Status MergeBound(const std::string& key, const Json& b, Json* a, const std::string& pointer) {
  const bool is_least = key.starts_with("min") || key == "exclusiveMinimum";
  Json& own = (*a)[key];
  if (!own.is_number() || !b.is_number()) return Unsupported(pointer, key);
  const bool takes_other =
      is_least ? b.get<double>() > own.get<double>() : b.get<double>() < own.get<double>();
  if (takes_other) own = b;
  return OkStatus();
}

Json Both(const Json& a, const Json& b) {
  if (a == b || b == Json(true)) return a;
  if (a == Json(true)) return b;
  return {{"allOf", Json::array({a, b})}};
}

// Properties of `a` of which the schema `b` says: may not be there.
bool Forbids(const Json& schema, const std::string& property) {
  const auto additional = schema.find("additionalProperties");
  if (additional == schema.end() || *additional != Json(false)) return false;
  const auto properties = schema.find("properties");
  return properties == schema.end() || !properties->contains(property);
}

Status MergeProperties(const Json& a, const Json& b, Json* out, const std::string& pointer) {
  const Json none = Json::object();
  const Json& own = a.contains("properties") ? a.at("properties") : none;
  const Json& other = b.contains("properties") ? b.at("properties") : none;
  const auto has_patterns = [](const Json& s) { return s.contains("patternProperties"); };
  if (has_patterns(a) || has_patterns(b)) {
    return Unsupported(pointer, "patternProperties within allOf, or beside anyOf or oneOf");
  }
  // What one side says of all properties that it does not name holds for those of the other.
  const auto beside = [&](const Json& schema, const Json& side, const std::string& name) -> Json {
    if (Forbids(side, name)) return false;
    const auto additional = side.find("additionalProperties");
    if (additional == side.end()) return schema;
    return Both(schema, *additional);
  };
  Json merged = Json::object();
  for (const auto& [name, schema] : own.items()) {
    merged[name] = other.contains(name) ? Both(schema, other[name]) : beside(schema, b, name);
  }
  for (const auto& [name, schema] : other.items()) {
    if (!own.contains(name)) merged[name] = beside(schema, a, name);
  }
  if (!merged.empty()) (*out)["properties"] = std::move(merged);
  if (a.contains("additionalProperties") && b.contains("additionalProperties")) {
    const Json& x = a["additionalProperties"];
    const Json& y = b["additionalProperties"];
    (*out)["additionalProperties"] =
        x == Json(false) || y == Json(false) ? Json(false) : Both(x, y);
  }
  return OkStatus();
}

Status MergeTypes(const Json& a, const Json& b, Json* out, const std::string& pointer) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::vector<std::string> own, TypesOf(a, pointer));
  AUTOGLM_ASSIGN_OR_RETURN(const std::vector<std::string> other, TypesOf(b, pointer));
  Json both = Json::array();
  for (const std::string& type : own) {
    for (const std::string& wanted : other) {
      const bool narrows = wanted == "integer" && type == "number";
      if (type == wanted || (type == "integer" && wanted == "number")) both.push_back(type);
      if (narrows) both.push_back(wanted);
    }
  }
  if (both.empty()) return Wrong(pointer, "no type is left: nothing can be valid");
  (*out)["type"] = std::move(both);
  return OkStatus();
}

Status MergeKeyword(const std::string& key, const Json& value, Json* out,
                    const std::string& pointer) {
  if (!out->contains(key)) return (*out)[key] = value, OkStatus();
  Json& own = (*out)[key];
  if (own == value) return OkStatus();
  if (key == "required") {
    for (const Json& name : value) {
      if (std::find(own.begin(), own.end(), name) == own.end()) own.push_back(name);
    }
    return OkStatus();
  }
  if (key == "enum") {
    Json both = Json::array();
    for (const Json& v : own) {
      if (std::find(value.begin(), value.end(), v) != value.end()) both.push_back(v);
    }
    return own = std::move(both), OkStatus();
  }
  if (key == "items" && IsSchema(own) && IsSchema(value)) return own = Both(own, value), OkStatus();
  if (key == "uniqueItems") return own = true, OkStatus();
  const Keyword* keyword = FindKeyword(key);
  if (key.starts_with("m") || key.starts_with("exclusive")) {
    return MergeBound(key, value, out, Pointer(pointer, key));
  }
  const bool is_annotation = keyword != nullptr && keyword->value == Value::kAny &&
                             keyword->type.empty() && key != "const";
  if (is_annotation) return OkStatus();
  return Unsupported(Pointer(pointer, key), "two different values that must both hold");
}

}  // namespace

std::string Pointer(const std::string& pointer, std::string_view token) {
  std::string out = pointer + "/";
  for (const char c : token) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

Status Wrong(const std::string& pointer, std::string_view what) {
  return Error(StatusCode::kInvalidArgument, "JSON Schema, #", pointer, ": ", what);
}

Status Unsupported(const std::string& pointer, std::string_view what) {
  return Error(StatusCode::kUnimplemented, "JSON Schema, #", pointer, ": ", what,
               " is not supported");
}

Status CheckKeywords(const Json& schema, const std::string& pointer) {
  for (const auto& [key, value] : schema.items()) {
    if (key.starts_with("x-")) continue;
    const std::string at = Pointer(pointer, key);
    const Keyword* keyword = FindKeyword(key);
    if (keyword == nullptr) return Unsupported(at, StrCat("the keyword '", Quoted(key), "'"));
    if (!Fits(value, keyword->value)) {
      return Wrong(at, StrCat("a value that this keyword does not take: ",
                              Quoted(value.dump(-1, ' ', false, Json::error_handler_t::replace))));
    }
    if (key == "nullable" && value == Json(true)) return Unsupported(at, "nullable");
    if (key == "exclusiveMinimum" || key == "exclusiveMaximum") {
      if (value.is_boolean()) return Unsupported(at, "a boolean (of draft 4)");
      if (!value.is_number()) return Wrong(at, "expected a number");
    }
    if (key == "required" &&
        !std::all_of(value.begin(), value.end(), [](const Json& v) { return v.is_string(); })) {
      return Wrong(at, "expected names of properties");
    }
    if ((key == "anyOf" || key == "oneOf" || key == "allOf" || key == "enum") && value.empty()) {
      return Wrong(at, "expected at least one");
    }
  }
  return OkStatus();
}

Result<std::vector<std::string>> TypesOf(const Json& schema, const std::string& pointer) {
  std::vector<std::string> types;
  const auto it = schema.find("type");
  if (it == schema.end()) {
    for (const auto& [key, value] : schema.items()) {
      const Keyword* keyword = FindKeyword(key);
      if (keyword == nullptr || keyword->type.empty()) continue;
      if (std::find(types.begin(), types.end(), keyword->type) == types.end()) {
        types.emplace_back(keyword->type);
      }
    }
    return types.empty() ? kTypes : types;
  }
  const Json list = it->is_array() ? *it : Json::array({*it});
  for (const Json& type : list) {
    const bool is_known =
        type.is_string() &&
        (type == "integer" || std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end());
    if (!is_known) {
      return Wrong(Pointer(pointer, "type"),
                   StrCat("expected null, boolean, object, array, number, integer or string, not ",
                          Quoted(type.dump(-1, ' ', false, Json::error_handler_t::replace))));
    }
    if (std::find(types.begin(), types.end(), type) == types.end()) types.push_back(type);
  }
  if (types.empty()) return Wrong(Pointer(pointer, "type"), "no type: nothing can be valid");
  if (std::find(types.begin(), types.end(), "number") != types.end()) {
    std::erase(types, "integer");
  }
  return types;
}

bool IsOfType(const Json& value, const std::vector<std::string>& types) {
  const auto has = [&](std::string_view type) {
    return std::find(types.begin(), types.end(), type) != types.end();
  };
  switch (value.type()) {
    case Json::value_t::null:
      return has("null");
    case Json::value_t::boolean:
      return has("boolean");
    case Json::value_t::object:
      return has("object");
    case Json::value_t::array:
      return has("array");
    case Json::value_t::string:
      return has("string");
    case Json::value_t::number_float: {
      const double number = value.get<double>();
      return has("number") || (has("integer") && number == std::floor(number));
    }
    default:
      return has("number") || has("integer");
  }
}

Result<const Json*> Resolve(const Json& root, const std::string& ref, const std::string& pointer) {
  const std::string at = Pointer(pointer, "$ref");
  if (ref.empty() || ref[0] != '#')
    return Unsupported(at, StrCat("another document ", Quoted(ref)));
  const Json* target = &root;
  std::string_view rest = std::string_view(ref).substr(1);
  if (!rest.empty() && rest[0] != '/') return Unsupported(at, StrCat("an anchor ", Quoted(ref)));
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const size_t end = std::min(rest.find('/'), rest.size());
    std::string token;
    for (size_t i = 0; i < end; ++i) {
      const auto hex = [&](size_t k) {
        constexpr std::string_view kHex = "0123456789abcdef";
        return k < end ? kHex.find(static_cast<char>(rest[k] | 0x20)) : std::string_view::npos;
      };
      if (rest[i] == '~' && i + 1 < end && (rest[i + 1] == '0' || rest[i + 1] == '1')) {
        token += rest[++i] == '0' ? '~' : '/';
      } else if (rest[i] == '%' && std::max(hex(i + 1), hex(i + 2)) < 16) {
        token += static_cast<char>(hex(i + 1) * 16 + hex(i + 2));
        i += 2;
      } else {
        token += rest[i];
      }
    }
    rest.remove_prefix(end);
    const bool is_index = !token.empty() && token.size() < 7 &&
                          token.find_first_not_of("0123456789") == std::string::npos;
    if (target->is_object() && target->contains(token)) {
      target = &(*target)[token];
    } else if (target->is_array() && is_index && std::stoul(token) < target->size()) {
      target = &(*target)[std::stoul(token)];
    } else {
      return Wrong(at, StrCat("there is no ", Quoted(ref)));
    }
  }
  if (!IsSchema(*target)) return Wrong(at, StrCat(Quoted(ref), " is no schema"));
  return target;
}

Result<Json> Merge(const Json& a, const Json& b, const std::string& pointer) {
  if (a == Json(true)) return b;
  if (b == Json(true)) return a;
  if (a.is_boolean() || b.is_boolean()) return Json(false);
  Json out = a;
  for (const auto& [key, value] : b.items()) {
    if (key == "type" || key == "properties" || key == "additionalProperties") continue;
    AUTOGLM_RETURN_IF_ERROR(MergeKeyword(key, value, &out, pointer));
  }
  const auto speaks = [](const Json& schema) {
    return std::any_of(schema.items().begin(), schema.items().end(), [](const auto& item) {
      const Keyword* keyword = FindKeyword(item.key());
      return item.key() == "type" || (keyword != nullptr && !keyword->type.empty());
    });
  };
  if (speaks(a) && speaks(b)) {
    AUTOGLM_RETURN_IF_ERROR(MergeTypes(a, b, &out, pointer));
  } else if (b.contains("type")) {
    out["type"] = b["type"];
  }
  if (b.contains("additionalProperties") && !out.contains("additionalProperties")) {
    out["additionalProperties"] = b["additionalProperties"];
  }
  AUTOGLM_RETURN_IF_ERROR(MergeProperties(a, b, &out, pointer));
  return out;
}

}  // namespace autoglm::schema

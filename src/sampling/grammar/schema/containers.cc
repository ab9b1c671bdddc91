// Arrays and objects.
#include <algorithm>
#include <map>

#include "base/utf8.h"
#include "sampling/grammar/gbnf.h"
#include "sampling/grammar/schema/pattern.h"
#include "sampling/grammar/schema/schema_writer.h"
#include "sampling/grammar/schema/text_overlap.h"

namespace autoglm::schema {
namespace {

// More items are not written, even where the schema permits them.
constexpr uint64_t kMaxItems = 10'000;

uint64_t CountOf(const Json& schema, const char* key, uint64_t otherwise) {
  return schema.contains(key) ? static_cast<uint64_t>(schema[key].get<double>()) : otherwise;
}

std::string Repeat(const std::string& part, uint64_t min, uint64_t max) {
  if (max == 0) return "";
  const std::string most = max == UINT64_MAX ? "" : StrCat(std::max(min, std::min(max, kMaxItems)));
  return StrCat("(", part, "){", min, ",", most, "}");
}

// Characters that a key writes with a short escape.
constexpr std::string_view kEscaped = "\"\\\b\f\n\r\t";
constexpr std::string_view kEscapeLetters = "\"\\bfnrt";

struct KeyNode {
  std::map<char32_t, KeyNode> next;
  bool is_key = false;
};

std::string ClassChar(char32_t c) {
  std::string out;
  if (c == ']' || c == '[' || c == '^' || c == '-') out = "\\";
  AppendUtf8(&out, c);
  return out;
}

}  // namespace

Result<std::string> SchemaWriter::ArrayValue(const Json& schema, const std::string& pointer) {
  Json prefix = Json::array();
  Json rest = true;
  std::string rest_key = "items", prefix_key = "prefixItems";
  bool has_rest = schema.contains("items");
  if (schema.contains("prefixItems")) {
    prefix = schema["prefixItems"];
    if (has_rest) rest = schema["items"];
  } else if (has_rest && schema["items"].is_array()) {  // of draft 7
    prefix = schema["items"];
    prefix_key = "items";
    rest_key = "additionalItems";
    has_rest = schema.contains(rest_key);
    if (has_rest) rest = schema[rest_key];
  } else if (has_rest) {
    rest = schema["items"];
  }
  if (!has_rest && !prefix.empty() && !is_read()) rest = false;
  const uint64_t n_prefix = prefix.size();
  const uint64_t min = CountOf(schema, "minItems", 0);
  uint64_t max = CountOf(schema, "maxItems", UINT64_MAX);
  if (rest == Json(false)) max = std::min(max, n_prefix);
  if (min > max) return Wrong(pointer, "fewer items are possible than minItems asks for");
  if (min > kMaxItems)
    return Unsupported(Pointer(pointer, "minItems"), StrCat("more than ", kMaxItems));
  if (schema.contains("uniqueItems") && schema["uniqueItems"] == Json(true) && max > 1) {
    return Unsupported(Pointer(pointer, "uniqueItems"), "uniqueItems with more than one item");
  }
  // From the end: what may follow when i items are written.
  std::string tail;
  if (max > n_prefix) {
    AUTOGLM_ASSIGN_OR_RETURN(const std::string item, Value(rest, Pointer(pointer, rest_key)));
    const uint64_t least = min > n_prefix ? min - n_prefix : 0;
    const uint64_t most = max == UINT64_MAX ? max : max - n_prefix;
    if (n_prefix == 0) {
      const std::string more = Repeat(StrCat(Comma(), " ", item), least > 0 ? least - 1 : 0,
                                      most == UINT64_MAX ? most : most - 1);
      const std::string items = StrCat("(", item, " ", more, ")", least == 0 ? "?" : "");
      return AddRule("array", StrCat(Open('['), " ", items, " ", Close(']')));
    }
    tail = Repeat(StrCat(Comma(), " ", item), least, most);
  }
  for (uint64_t i = std::min(n_prefix, max); i-- > 0;) {
    const std::string at = Pointer(Pointer(pointer, prefix_key), StrCat(i));
    AUTOGLM_ASSIGN_OR_RETURN(const std::string item, Value(prefix[i], at));
    const std::string part = StrCat(i > 0 ? Comma() + " " : "", item, " ", tail);
    tail = AddRule("items", i >= min ? StrCat("(", part, ")?") : part);
  }
  return AddRule("array", StrCat(Open('['), " ", tail, " ", Close(']')));
}

Result<std::string> SchemaWriter::ObjectValue(const Json& schema, const std::string& pointer) {
  ObjectParts parts;
  AUTOGLM_RETURN_IF_ERROR(AddProperties(schema, pointer, &parts));
  AUTOGLM_ASSIGN_OR_RETURN(parts.additional, AdditionalMember(schema, pointer));
  AUTOGLM_RETURN_IF_ERROR(BoundProperties(schema, pointer, &parts));
  return AddRule("object", ObjectOf(parts));
}

Status SchemaWriter::AddProperties(const Json& schema, const std::string& pointer,
                                   ObjectParts* parts) {
  Json properties = schema.contains("properties") ? schema["properties"] : Json::object();
  const Json required = schema.contains("required") ? schema["required"] : Json::array();
  const Json patterns =
      schema.contains("patternProperties") ? schema["patternProperties"] : Json::object();
  const bool others =
      !schema.contains("additionalProperties") || schema["additionalProperties"] != Json(false);
  for (const Json& name : required) {
    if (properties.contains(name.get<std::string>())) continue;
    properties[name.get<std::string>()] =
        !others ? Json(patterns.empty() ? Json(false) : Json(true))
        : schema.contains("additionalProperties") ? schema["additionalProperties"]
                                                  : Json(true);
  }
  for (auto& [name, property] : properties.items()) {
    const std::string at = Pointer(Pointer(pointer, "properties"), name);
    bool has_pattern = false;
    for (const auto& [pattern, also] : patterns.items()) {
      AUTOGLM_ASSIGN_OR_RETURN(const std::string key, PatternKey(pattern, pointer));
      const std::string quoted = JsonQuote(name);
      const std::string gbnf = StrCat("root ::= ", key, "\n", KeyChar(), " ::= ", "[^\"]", "\n");
      if (!MatchesGbnf(gbnf, std::string_view(quoted).substr(1, quoted.size() - 2))) continue;
      property = Json{{"allOf", Json::array({property, also})}};
      has_pattern = true;
    }
    const bool is_required = std::find(required.begin(), required.end(), name) != required.end();
    const bool is_listed = schema.contains("properties") && schema["properties"].contains(name);
    if (is_required && (property == Json(false) || (!is_listed && !others && !has_pattern))) {
      return Wrong(Pointer(pointer, "required"),
                   StrCat("'", Quoted(name), "' is required, but not permitted"));
    }
    if (property == Json(false)) continue;
    if (is_in_tags() && name.find("</") != name.npos) {
      return Unsupported(at, "between tags a key that holds </");
    }
    AUTOGLM_ASSIGN_OR_RETURN(const std::string value, Value(property, at));
    const std::string key = JsonQuote(name);
    parts->properties.push_back({is_read() ? StrCat(GbnfLiteral(key), " ", Colon(), " ", value)
                                           : StrCat(GbnfLiteral(key + ": "), " ", value),
                                 is_required});
  }
  return OkStatus();
}

Result<std::string> SchemaWriter::PatternKey(const std::string& pattern,
                                             const std::string& pointer) {
  const auto gbnf = PatternToGbnf(pattern, {}, KeyChar());
  const std::string at = Pointer(Pointer(pointer, "patternProperties"), pattern);
  if (!gbnf.ok()) return gbnf.status().WithContext("JSON Schema, #" + at);
  if (is_in_tags()) {
    const std::string key =
        StrCat("root ::= ", *gbnf, "\n", KeyChar(), " ::= ", kTaglessKeyChar, "\n");
    if (FindTextOverlap(key, "root ::= .* \"</\" .*") != TextOverlap::kNone) {
      return Unsupported(at, "between tags a key that may hold </");
    }
  }
  return gbnf;
}

Result<std::string> SchemaWriter::AdditionalMember(const Json& schema, const std::string& pointer) {
  const bool has_additional = schema.contains("additionalProperties");
  const Json additional = has_additional ? schema["additionalProperties"] : Json(true);
  const Json patterns =
      schema.contains("patternProperties") ? schema["patternProperties"] : Json::object();
  if (patterns.empty()) {
    const bool has_names = schema.contains("properties") && !schema["properties"].empty();
    if (additional == Json(false)) return std::string();
    if (!has_additional && !is_read() && (has_names || schema.contains("required"))) {
      return std::string();
    }
    std::vector<std::string> names;
    if (schema.contains("properties")) {
      for (const auto& [name, property] : schema["properties"].items()) names.push_back(name);
    }
    if (schema.contains("required")) {
      for (const Json& name : schema["required"]) names.push_back(name);
    }
    AUTOGLM_ASSIGN_OR_RETURN(const std::string value,
                             Value(additional, Pointer(pointer, "additionalProperties")));
    const std::string key = names.empty() ? AnyString() : OtherKey(std::move(names));
    return AddRule("member", StrCat(key, " ", Colon(), " ", value));
  }
  if (has_additional && additional != Json(false)) {
    return Unsupported(Pointer(pointer, "additionalProperties"),
                       "additional properties beside patternProperties");
  }
  std::vector<std::string> members, keys;
  for (const auto& [pattern, property] : patterns.items()) {
    const std::string at = Pointer(Pointer(pointer, "patternProperties"), pattern);
    AUTOGLM_ASSIGN_OR_RETURN(const std::string key, PatternKey(pattern, pointer));
    const std::string gbnf = StrCat("root ::= ", key, "\n", KeyChar(), " ::= [^\"]\n");
    for (const std::string& other : keys) {
      if (FindTextOverlap(gbnf, other) == TextOverlap::kNone) continue;
      return Unsupported(at, "a pattern that shares keys with another one");
    }
    keys.push_back(gbnf);
    if (property == Json(false)) continue;
    AUTOGLM_ASSIGN_OR_RETURN(const std::string value, Value(property, at));
    members.push_back(StrCat("\"\\\"\" ", key, " \"\\\"\" ", Colon(), " ", value));
  }
  if (members.empty()) return std::string();
  // The properties named by the schema stand for themselves.
  return AddRule("member", Group(members));
}

// A key that comes twice counts once, so a least number can be kept by one additional property and
// not by two.
Status SchemaWriter::BoundProperties(const Json& schema, const std::string& pointer,
                                     ObjectParts* parts) {
  uint64_t n_required = 0;
  for (const Property& property : parts->properties) n_required += property.is_required;
  const uint64_t n_optional = parts->properties.size() - n_required;
  const uint64_t min = CountOf(schema, "minProperties", 0);
  const uint64_t max = CountOf(schema, "maxProperties", UINT64_MAX);
  const bool has_more = !parts->additional.empty();
  if (max < n_required || (!has_more && min > parts->properties.size())) {
    return Wrong(pointer, "the required properties and their number contradict each other");
  }
  if (min > n_required) {
    const bool one_of_any = n_required == 0 && min == 1;
    const bool one_more = n_optional == 0 && min == n_required + 1;
    if (one_of_any) {
      parts->may_be_empty = false;
    } else if (one_more) {
      parts->min_additional = 1;
    } else {
      return Unsupported(Pointer(pointer, "minProperties"),
                         "more than the required properties and one");
    }
  }
  if (max >= parts->properties.size() && !has_more) return OkStatus();
  if (max == UINT64_MAX) return OkStatus();
  if (n_optional > 0) {
    return Unsupported(Pointer(pointer, "maxProperties"), "maxProperties with optional properties");
  }
  parts->max_additional = max - n_required;
  return OkStatus();
}

std::string SchemaWriter::AdditionalMembers(const ObjectParts& parts, bool is_first) const {
  SchemaWriter& self = const_cast<SchemaWriter&>(*this);
  if (parts.additional.empty() || parts.max_additional == 0) return "";
  const std::string more = StrCat(self.Comma(), " ", parts.additional);
  if (!is_first) return Repeat(more, parts.min_additional, parts.max_additional);
  const uint64_t left = parts.max_additional == UINT64_MAX ? UINT64_MAX : parts.max_additional - 1;
  return StrCat(parts.additional, " ", Repeat(more, 0, left));
}

// The first property has no comma in front. Which one comes first is open as long as those before
// it are optional.
std::string SchemaWriter::ObjectOf(const ObjectParts& parts) {
  const std::vector<Property>& properties = parts.properties;
  const size_t n = properties.size();
  const auto first_required =
      static_cast<size_t>(std::find_if(properties.begin(), properties.end(),
                                       [](const Property& p) { return p.is_required; }) -
                          properties.begin());
  std::string rest = AdditionalMembers(parts, /*is_first=*/false);
  for (size_t i = n; i-- > first_required + 1;) {
    const std::string part = StrCat(Comma(), " ", properties[i].member);
    rest = StrCat(properties[i].is_required ? part : StrCat("(", part, ")?"), " ", rest);
  }
  std::vector<std::string> firsts;
  for (size_t i = std::min(first_required + 1, n); i-- > 0;) {
    if (first_required > 0 && !rest.empty()) rest = AddRule("rest", rest);
    firsts.push_back(StrCat(properties[i].member, " ", rest));
    if (i == 0) break;
    const std::string part = StrCat(Comma(), " ", properties[i].member);
    rest = StrCat(properties[i].is_required ? part : StrCat("(", part, ")?"), " ", rest);
  }
  std::reverse(firsts.begin(), firsts.end());
  bool may_be_empty = parts.may_be_empty && parts.min_additional == 0;
  if (first_required == n) {
    const std::string additional = AdditionalMembers(parts, /*is_first=*/true);
    if (!additional.empty()) firsts.push_back(additional);
  } else {
    may_be_empty = false;
  }
  if (firsts.empty()) return StrCat(Open('{'), " ", Close('}'));
  std::string members = "(";
  for (const std::string& first : firsts) {
    StrAppend(&members, members.size() == 1 ? "" : " | ", first);
  }
  return StrCat(Open('{'), " ", members, may_be_empty ? ")? " : ") ", Close('}'));
}

std::string SchemaWriter::OtherKey(std::vector<std::string> keys) {
  KeyNode root;
  for (const std::string& key : keys) {
    KeyNode* node = &root;
    for (std::string_view rest = key; !rest.empty();) {
      const Utf8Char c = DecodeUtf8(rest);
      node = &node->next[c.code_point];
      rest.remove_prefix(c.n_bytes);
    }
    node->is_key = true;
  }
  const std::string any =
      AddRule("keychar", is_in_tags() ? std::string(kTaglessKeyChar)
                                      : "[^\"\\\\\\x00-\\x1F] | \"\\\\\" [\"\\\\bfnrt]");
  // Children before their parents, without recursion: a key may be long.
  struct Frame {
    const KeyNode* node;
    std::map<char32_t, KeyNode>::const_iterator child;
    std::vector<std::string> alternatives;
  };
  std::vector<Frame> frames = {{&root, root.next.begin(), {}}};
  std::string done;
  while (true) {
    Frame& frame = frames.back();
    if (frame.child != frame.node->next.end()) {
      const KeyNode* child = &frame.child->second;
      frames.push_back({child, child->next.begin(), {}});
      continue;
    }
    std::string excluded = StrCat(is_in_tags() ? "<" : "", "\"\\\\\\x00-\\x1F"), letters;
    for (const auto& [c, child] : frame.node->next) {
      if (c >= 0x20 && c != '"' && c != '\\') excluded += ClassChar(c);
    }
    for (size_t i = 0; i < kEscaped.size(); ++i) {
      if (frame.node->next.contains(static_cast<unsigned char>(kEscaped[i]))) continue;
      if (kEscapeLetters[i] == '"' || kEscapeLetters[i] == '\\') letters += '\\';
      letters += kEscapeLetters[i];
    }
    frame.alternatives.push_back(StrCat("[^", excluded, "] ", any, "*"));
    if (!letters.empty()) {
      frame.alternatives.push_back(StrCat("\"\\\\\" [", letters, "] ", any, "*"));
    }
    std::string body = Group(frame.alternatives);
    if (body[0] != '(') body = StrCat("(", body, ")");
    done = AddRule("key", frame.node->is_key ? body : body + "?");
    frames.pop_back();
    if (frames.empty()) break;
    Frame& parent = frames.back();
    if (is_in_tags() && parent.child->first == '<') {
      ++parent.child;
      continue;
    }
    std::string c;
    AppendUtf8(&c, parent.child->first);
    const std::string quoted = JsonQuote(c);
    parent.alternatives.push_back(
        StrCat(GbnfLiteral(std::string_view(quoted).substr(1, quoted.size() - 2)), " ", done));
    ++parent.child;
  }
  return StrCat("\"\\\"\" ", done, " \"\\\"\"");
}

}  // namespace autoglm::schema

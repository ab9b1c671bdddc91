// Strings, numbers, constants, and any value.
#include <algorithm>
#include <cmath>

#include "sampling/grammar/gbnf.h"
#include "sampling/grammar/schema/number_range.h"
#include "sampling/grammar/schema/pattern.h"
#include "sampling/grammar/schema/schema_writer.h"

namespace autoglm::schema {
namespace {

// Longer strings are not written, even where the schema permits them.
constexpr uint64_t kMaxLength = 8192;
// Characters of strings with longer bounds are not written as \uXXXX: it takes many states.
constexpr uint64_t kMaxUnicodeEscapes = 200;

// The rest of a class of characters that stand in a string as they are; and what others become.
constexpr std::string_view kNotPlain = R"("\\\x00-\x1F])";
constexpr std::string_view kEscape =
    R"GBNF("\\" (["\\/bfnrt] | "u" ([0-9a-cA-CefEF] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2} | )GBNF"
    R"GBNF([dD] [89abAB] [0-9a-fA-F]{2} "\\u" [dD] [c-fC-F] [0-9a-fA-F]{2})))GBNF";

uint64_t CountOf(const Json& schema, const char* key, uint64_t otherwise) {
  return schema.contains(key) ? static_cast<uint64_t>(schema[key].get<double>()) : otherwise;
}

}  // namespace

std::string JsonQuote(std::string_view text) {
  return Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string WithoutClosingTags(std::string json) {
  for (size_t i = 0; (i = json.find("</", i)) != json.npos; i += 3) json.insert(i + 1, "\\");
  return json;
}

// Without lone halves of surrogate pairs, so that a character is one character to whoever counts.
std::string SchemaWriter::Char() {
  return AddRule("char", StrCat(is_in_tags() ? "[^/" : "[^", kNotPlain, " | ", kEscape));
}

std::string SchemaWriter::AnyString() {
  if (!is_in_tags()) return AddRule("string", StrCat("\"\\\"\" ", Char(), "* \"\\\"\""));
  const std::string escape = AddRule("escape", std::string(kEscape));
  return AddRule("string", StrCat("\"\\\"\" ([^<", kNotPlain, " | ", escape, " | \"<\"+ ([^</",
                                  kNotPlain, " | ", escape, "))* \"<\"* \"\\\"\""));
}

Result<std::string> SchemaWriter::StringValue(const Json& schema, const std::string& pointer) {
  const uint64_t min = CountOf(schema, "minLength", 0);
  const bool has_max = schema.contains("maxLength");
  const uint64_t max = CountOf(schema, "maxLength", UINT32_MAX);
  if (min > max) return Wrong(pointer, "minLength is above maxLength");
  if (min > kMaxLength) {
    return Unsupported(Pointer(pointer, "minLength"), StrCat("more than ", kMaxLength));
  }
  const bool has_pattern = schema.contains("pattern");
  if (schema.contains("format")) {
    const std::string format = schema["format"];
    const std::string_view gbnf = FormatGbnf(format);
    const std::string at = Pointer(pointer, "format");
    if (gbnf.empty()) {
      return Unsupported(at, StrCat("format '", Quoted(format), "' (known: ", KnownFormats(), ")"));
    }
    if (has_pattern || has_max || min > 0) {
      return Unsupported(at, "format together with pattern, minLength or maxLength");
    }
    return AddRule("string", StrCat("\"\\\"\" (", gbnf, ") \"\\\"\""));
  }
  if (has_pattern) {
    const PatternLength length = {static_cast<uint32_t>(min),
                                  static_cast<uint32_t>(std::min<uint64_t>(max, UINT32_MAX))};
    const auto text =
        is_in_tags() ? PatternForm::Text::kJsonWithoutSlash : PatternForm::Text::kJson;
    const auto gbnf = PatternToGbnf(schema["pattern"].get<std::string>(), length, Char(), {text});
    if (!gbnf.ok())
      return gbnf.status().WithContext("JSON Schema, #" + Pointer(pointer, "pattern"));
    return AddRule("string", StrCat("\"\\\"\" ", *gbnf, " \"\\\"\""));
  }
  if (min == 0 && !has_max) return AnyString();
  const uint64_t most = std::min(max, kMaxLength);
  const bool is_long = std::max(min, has_max ? most : 0) > kMaxUnicodeEscapes;
  const std::string c = is_long ? AddRule("char", StrCat(is_in_tags() ? "[^/" : "[^", kNotPlain,
                                                         " | \"\\\\\" [\"\\\\/bfnrt]"))
                                : Char();
  return AddRule("string",
                 StrCat("\"\\\"\" ", c, "{", min, ",", has_max ? StrCat(most) : "", "} \"\\\"\""));
}

Result<std::string> SchemaWriter::NumberValue(const Json& schema, bool is_integer,
                                              const std::string& pointer) {
  std::optional<DecimalBound> least, most;
  const auto tighten = [&](const char* key, bool inclusive, bool is_least) {
    if (!schema.contains(key)) return;
    const double value = schema[key].get<double>();
    std::optional<DecimalBound>& bound = is_least ? least : most;
    const char* other = is_least ? "minimum" : "maximum";
    if (bound) {  // the exclusive one comes second
      const double before = schema[other].get<double>();
      if (is_least ? before > value : before < value) return;
    }
    bound = ToDecimal(value, inclusive);
  };
  tighten("minimum", true, true);
  tighten("exclusiveMinimum", false, true);
  tighten("maximum", true, false);
  tighten("exclusiveMaximum", false, false);
  // As many digits and as large an exponent as every reader of JSON takes for a finite number; to
  // be read, whatever programs write.
  constexpr std::string_view kWhole = "\"-\"? (\"0\" | [1-9] [0-9]{0,14})";
  if (!least && !most) {
    return is_integer  ? AddRule("integer", std::string(kWhole))
           : is_read() ? AddRule("number",
                                 "\"-\"? (\"0\" | [1-9] [0-9]{0,20}) (\".\" [0-9]{1,20})? ([eE] "
                                 "[-+]? [0-9]{1,3})?")
                       : AddRule("number",
                                 StrCat(kWhole, " (\".\" [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?"));
  }
  constexpr size_t kWrittenDigits = 15, kReadDigits = 30;
  const std::string range =
      is_integer ? IntegerRangeGbnf(least, most)
                 : NumberRangeGbnf(least, most, is_read() ? kReadDigits : kWrittenDigits);
  if (range.empty()) return Wrong(pointer, "there is no number between the bounds");
  return AddRule(is_integer ? "integer" : "number", range);
}

std::string SchemaWriter::Constant(const Json& value) {
  if (!value.is_structured()) {
    const std::string json = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    return GbnfLiteral(is_in_tags() ? WithoutClosingTags(json) : json);
  }
  const bool is_object = value.is_object();
  std::string out = Open(is_object ? '{' : '[');
  bool is_first = true;
  for (const auto& [key, child] : value.items()) {
    if (!is_first) StrAppend(&out, " ", Comma());
    if (is_object) StrAppend(&out, " ", Constant(key), " ", Colon());
    StrAppend(&out, " ", Constant(child));
    is_first = false;
  }
  return StrCat("(", out, " ", Close(is_object ? '}' : ']'), ")");
}

std::string SchemaWriter::AnyValue() {
  // Rules that need each other: named before they are written.
  const std::string value = name_ + "-value";
  if (rule_of_ref_.contains("any value")) return value;
  rule_of_ref_["any value"] = value;
  const size_t index = rules_.size();
  rules_.emplace_back(value, "");
  const std::string number = *NumberValue(Json::object(), false, "");
  rules_[index].second = StrCat(AnyObject(), " | ", AnyArray(), " | ", AnyString(), " | ", number,
                                " | \"true\" | \"false\" | \"null\"");
  return value;
}

std::string SchemaWriter::AnyObject() {
  const std::string member = AddRule("member", StrCat(AnyString(), " ", Colon(), " ", AnyValue()));
  return AddRule("object",
                 StrCat(Open('{'), " (", member, " (", Comma(), " ", member, ")*)? ", Close('}')));
}

std::string SchemaWriter::AnyArray() {
  const std::string value = AnyValue();
  return AddRule("array",
                 StrCat(Open('['), " (", value, " (", Comma(), " ", value, ")*)? ", Close(']')));
}

}  // namespace autoglm::schema

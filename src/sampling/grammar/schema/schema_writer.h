// SchemaWriter: one JSON Schema on its way into GBNF rules.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "sampling/grammar/json_schema.h"
#include "sampling/grammar/schema/keywords.h"

namespace autoglm::schema {

/// A character of a key without "<"; each has one form only.
inline constexpr std::string_view kTaglessKeyChar = R"([^<"\\\x00-\x1F] | "\\" ["\\bfnrt])";

/// Expressions are GBNF that can stand in a sequence: a rule's name, a literal, or a group.
class SchemaWriter {
 public:
  /// `root` must outlive this.
  SchemaWriter(const Json& root, std::string_view name, JsonForm form)
      : root_(root), name_(name), form_(form) {}

  Result<std::string> Write();

 private:
  // schema_writer.cc
  Result<std::string> Value(const Json& schema, const std::string& pointer);
  Result<std::string> ValueOfKeywords(const Json& schema, const std::string& pointer);
  Result<std::string> Reference(const std::string& ref, const std::string& pointer);
  Result<std::string> OneOfValues(const Json& schema, const std::string& pointer);
  Result<std::string> Alternatives(const Json& schema, const std::string& key,
                                   const std::string& pointer);
  Result<std::string> OfType(const Json& schema, const std::string& type,
                             const std::string& pointer);
  /// Without "$ref" and "allOf".
  Result<Json> Flatten(const Json& schema, const std::string& pointer, int depth = 0);
  std::string AddRule(std::string_view hint, const std::string& body);
  std::string Group(const std::vector<std::string>& alternatives) const;

  // scalars.cc
  Result<std::string> StringValue(const Json& schema, const std::string& pointer);
  Result<std::string> NumberValue(const Json& schema, bool is_integer, const std::string& pointer);
  std::string Constant(const Json& value);
  std::string AnyValue();
  std::string AnyString();
  std::string AnyObject();
  std::string AnyArray();
  std::string Char();
  /// Of a key that matches a pattern.
  std::string KeyChar() {
    return is_in_tags() ? AddRule("keychar", std::string(kTaglessKeyChar)) : Char();
  }

  // containers.cc
  struct Property {
    std::string member;  ///< key, colon and value
    bool is_required = false;
  };
  struct ObjectParts {
    std::vector<Property> properties;
    std::string additional;  ///< a member with any other key; empty: none
    uint64_t min_additional = 0;
    uint64_t max_additional = UINT64_MAX;
    bool may_be_empty = true;
  };
  Result<std::string> ArrayValue(const Json& schema, const std::string& pointer);
  Result<std::string> ObjectValue(const Json& schema, const std::string& pointer);
  Status AddProperties(const Json& schema, const std::string& pointer, ObjectParts* parts);
  Result<std::string> AdditionalMember(const Json& schema, const std::string& pointer);
  Status BoundProperties(const Json& schema, const std::string& pointer, ObjectParts* parts);
  std::string ObjectOf(const ObjectParts& parts);
  std::string AdditionalMembers(const ObjectParts& parts, bool is_first) const;
  /// GBNF of a JSON string's inside that is none of `keys`.
  std::string OtherKey(std::vector<std::string> keys);
  Result<std::string> PatternKey(const std::string& pattern, const std::string& pointer);

  // disjoint.cc
  Result<bool> AreDisjoint(const Json& a, const Json& b, const std::string& pointer, int depth);
  Result<bool> ObjectsAreDisjoint(const Json& a, const Json& b, const std::string& pointer,
                                  int depth);

  bool is_read() const { return form_ == JsonForm::kRead; }
  bool is_in_tags() const { return form_ == JsonForm::kInTags; }
  std::string Space();
  std::string Comma() { return is_read() ? StrCat(Space(), " \",\" ", Space()) : "\", \""; }
  std::string Colon() { return is_read() ? StrCat(Space(), " \":\" ", Space()) : "\": \""; }
  std::string Open(char bracket) {
    return StrCat("\"", bracket, "\"", is_read() ? " " + Space() : "");
  }
  std::string Close(char bracket) {
    return StrCat(is_read() ? Space() + " " : "", "\"", bracket, "\"");
  }

  const Json& root_;
  std::string name_;
  JsonForm form_;
  std::vector<std::pair<std::string, std::string>> rules_;  ///< name, body
  std::map<std::string, std::string> rule_of_body_;
  std::map<std::string, std::string> rule_of_ref_;
  size_t n_bytes_ = 0;  ///< of rules
  int n_values_ = 0;
  int depth_ = 0;
};

/// `text` as a JSON string, with its quotes.
std::string JsonQuote(std::string_view text);
/// The JSON of a scalar with every "</" written "<\/".
std::string WithoutClosingTags(std::string json);

/// GBNF of a string format's inside (date, time, date-time, uuid, ipv4 ...); empty: unknown.
std::string_view FormatGbnf(std::string_view format);
/// The names of all, for messages.
std::string KnownFormats();

}  // namespace autoglm::schema

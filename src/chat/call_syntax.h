// CallSyntax: how a family of models writes calls of tools. One description serves to read them,
// to write them and to make the grammar that holds a model to it.
#pragma once

#include <string>
#include <string_view>

namespace autoglm {

/// Calls are written as
///
///   section_begin  call {separator call}  section_end         call = call_begin body call_end
///
/// and the body, by its kind, as
///
///   kJsonObject     {"NAME_KEY": "name", "ARGUMENTS_KEY": {...}}   with "id" behind where has_id
///   kNameThenJson   name [id_begin id] after_name {...}
///   kNameThenTags   name after_name {key_begin key key_end value_begin value value_end}
///                   arguments_end
///
/// A reader takes any white space where the syntax has some or none, but in names and tagged
/// values.
struct CallSyntax {
  enum class Body { kJsonObject, kNameThenJson, kNameThenTags };

  std::string family;  ///< "hermes"
  Body body = Body::kJsonObject;

  /// The mark that begins calls wherever it stands in an answer: the first bytes of section_begin
  /// and call_begin. Empty: calls are all of an answer; nothing but white space may stand before
  /// them, and what begins like one and names no tool that was offered is content.
  std::string trigger = {};

  std::string section_begin = {};
  std::string call_begin = {};
  std::string call_end = {};
  std::string separator = {};
  std::string section_end = {};

  std::string name_key = "name";            ///< kJsonObject
  std::string arguments_key = "arguments";  ///< kJsonObject
  bool has_id = false;                      ///< kJsonObject

  std::string id_begin = {};    ///< kNameThenJson
  std::string after_name = {};  ///< kNameThenJson, kNameThenTags
  std::string key_begin = {};   ///< kNameThenTags, to the end
  std::string key_end = {};
  std::string value_begin = {};
  std::string value_end = {};
  std::string arguments_end = {};
  /// One newline after value_begin and one before value_end are not the value's.
  bool value_on_own_lines = false;

  /// Without a trigger: content begins with a newline, and what does not is a call.
  bool content_on_new_line = false;
  bool parallel = true;  ///< more than one call in an answer is possible
  int id_length = 0;     ///< letters and digits of a call's id; 0: as with OpenAI, "call_..."
};

/// A row of tool_formats.inc.
struct ToolFormat {
  std::string_view name;
  /// Does this chat template (Jinja) belong to the family?
  bool (*matches)(std::string_view chat_template);
  /// The syntax, in the variant that the template wants.
  CallSyntax (*syntax)(std::string_view chat_template);
};

/// The first row that matches. The last one, generic JSON, always does.
const ToolFormat& FindToolFormat(std::string_view chat_template);
/// By its name; null where there is none.
const ToolFormat* FindToolFormatByName(std::string_view name);

/// "a" in "abc".
inline bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace autoglm

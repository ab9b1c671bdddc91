// See answer_grammar.h.
#include "chat/answer_grammar.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "chat/gbnf_text.h"
#include "chat/literal.h"
#include "sampling/grammar/gbnf.h"
#include "sampling/grammar/json_schema.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

class Writer {
 public:
  explicit Writer(const AnswerGrammarOptions& options)
      : options_(options), syntax_(*options.syntax) {}

  Result<GrammarSpec> Write() {
    const bool calls = HasCalls();
    if (!calls && options_.content_schema == nullptr) return GrammarSpec();
    if (calls) AUTOGLM_RETURN_IF_ERROR(AddTools());
    GrammarSpec spec;
    if (calls && options_.content_schema == nullptr && !MustCall() && !syntax_.trigger.empty()) {
      WriteLazy(&spec);
    } else {
      std::string body = calls ? "section" : "";
      if (calls) rules_ += "section ::= " + Section(0) + "\n";
      if (!MustCall()) {
        AUTOGLM_RETURN_IF_ERROR(AddContent());
        body += calls ? " | content" : "content";
      }
      rules_ += "root ::= " + Reasoning() + "(" + body + ")\n";
    }
    spec.gbnf = std::move(rules_);
    return spec;
  }

 private:
  bool HasCalls() const {
    return !options_.tools.empty() && options_.choice.mode != ToolChoice::Mode::kNone;
  }
  bool MustCall() const { return HasCalls() && options_.choice.mode != ToolChoice::Mode::kAuto; }
  std::string Text(std::string_view text) const {
    return GbnfText(text, options_.find_control_token);
  }

  /// All calls, less the first `n_skipped` bytes of their text.
  std::string Section(size_t n_skipped) const {
    const std::string begin = syntax_.section_begin + syntax_.call_begin;
    std::string out = Text(begin.substr(n_skipped)) + " call-body ";
    if (options_.parallel && syntax_.parallel) {
      out += "(" + Text(syntax_.separator + syntax_.call_begin) + " call-body)* ";
    }
    return out + Text(syntax_.section_end);
  }

  /// Free text, and behind a trigger a call.
  void WriteLazy(GrammarSpec* spec) {
    const ReasoningMarks& marks = options_.reasoning;
    if (marks.end.empty()) {
      rules_ += "root ::= " + Section(syntax_.trigger.size()) + "\n";
      spec->triggers = {{syntax_.trigger, "root"}};
      return;
    }
    // A trigger that the reasoning mentions is none.
    const bool is_token =
        options_.find_control_token && options_.find_control_token(syntax_.trigger) >= 0;
    rules_ += is_token ? "text ::= .*\n" : GbnfTextWithout("text", syntax_.trigger);
    const std::string answer = "text (" + Section(0) + ")?\n";
    if (options_.starts_in_reasoning) {
      rules_ += "root ::= " + answer;
      spec->triggers = {{marks.end, "root"}};
    } else {
      rules_ += StrCat(GbnfTextWithout("reasoning", marks.end), "root ::= (", Space(),
                       Text(marks.begin), " reasoning ", Text(marks.end), ")? ", answer);
    }
  }

  const char* Space() {
    if (!std::exchange(has_space_, true)) rules_ += "space ::= [ \\t\\n\\r]{0,8}\n";
    return "space ";
  }

  /// What may come before content and calls; ends with a space, or is empty.
  std::string Reasoning() {
    const ReasoningMarks& marks = options_.reasoning;
    const bool calls_only = MustCall() && !syntax_.content_on_new_line;
    if (marks.end.empty()) return calls_only ? Space() : "";
    rules_ += GbnfTextWithout("reasoning", marks.end);
    // Where a newline tells content from calls, it is no layout.
    const std::string space = syntax_.content_on_new_line ? "" : Space();
    const std::string rest = StrCat("reasoning ", Text(marks.end), " ", space);
    if (options_.starts_in_reasoning) return rest;
    return StrCat("(", Space(), Text(marks.begin), " ", rest, ")? ", space);
  }

  Status AddContent() {
    if (options_.content_schema != nullptr) {
      const Result<std::string> content = JsonSchemaToGbnf(*options_.content_schema, "content");
      if (!content.ok()) return content.status().WithContext(std::string(kContentSchemaField));
      rules_ += *content;
      return OkStatus();
    }
    // Content that cannot be mistaken for a call, or for reasoning that may come first.
    std::string unlike = "{ \t\n\r";
    if (!options_.starts_in_reasoning) unlike += options_.reasoning.begin.substr(0, 1);
    const std::string start = syntax_.content_on_new_line ? "\"\\n\"" : GbnfNoneOf(unlike);
    rules_ += "content ::= " + start + " .*\n";
    return OkStatus();
  }

  Status AddTools() {
    std::string alternatives;
    for (size_t i = 0; i < options_.tools.size(); ++i) {
      const ToolSpec& tool = options_.tools[i];
      const bool named = options_.choice.mode == ToolChoice::Mode::kNamed;
      if (named && tool.name != options_.choice.name) continue;
      const std::string name = StrCat("tool-", i);
      const Status status = AddTool(tool, name);
      if (!status.ok()) {
        return status.WithContext(StrCat("tools[", i, "].function.parameters"));
      }
      alternatives += (alternatives.empty() ? "" : " | ") + name;
    }
    rules_ += "call-body ::= (" + alternatives + ") " + Text(syntax_.call_end) + "\n";
    return OkStatus();
  }

  Status AddTool(const ToolSpec& tool, const std::string& name) {
    const Json schema = Json::parse(tool.parameters_json);
    if (syntax_.body == CallSyntax::Body::kNameThenTags) return AddTags(tool, schema, name);
    AUTOGLM_ASSIGN_OR_RETURN(const std::string arguments, JsonSchemaToGbnf(schema, name + "-args"));
    rules_ += arguments;
    std::string begin, end = "\"\"";
    const std::string id = StrCat("[0-9A-Za-z]{", syntax_.id_length, "} ");
    if (syntax_.body == CallSyntax::Body::kJsonObject) {
      begin = GbnfLiteral(StrCat("{\"", syntax_.name_key, "\": \"", tool.name, "\", \"",
                                 syntax_.arguments_key, "\": "));
      end = syntax_.has_id ? "\", \\\"id\\\": \\\"\" " + id + "\"\\\"}\"" : "\"}\"";
    } else {
      begin = GbnfLiteral(tool.name) + " ";
      if (!syntax_.id_begin.empty()) begin += Text(syntax_.id_begin) + " " + id;
      begin += Text(syntax_.after_name);
    }
    rules_ += name + " ::= " + begin + " " + name + "-args " + end + "\n";
    return OkStatus();
  }

  Status AddTags(const ToolSpec& tool, const Json& schema, const std::string& name) {
    AUTOGLM_RETURN_IF_ERROR(CheckTagged(schema));
    std::string values;
    const Json properties = schema.value("properties", Json::object());
    for (size_t i = 0; const auto& [key, property] : properties.items()) {
      const std::string rule = StrCat(name, "-", i++);
      const Status status = CanBeKey(key)
                                ? AddValue(schema, property, rule)
                                : Error(StatusCode::kUnimplemented,
                                        "its name cannot be told from the tags around it");
      if (!status.ok()) return status.WithContext("/properties/" + key);
      values +=
          StrCat("(", Text(syntax_.key_begin + key + syntax_.key_end + syntax_.value_begin), " ",
                 rule, " ", Text(syntax_.value_end), ")", IsRequired(schema, key) ? " " : "? ");
    }
    rules_ += StrCat(name, " ::= ", GbnfLiteral(tool.name), " ", Text(syntax_.after_name), " ",
                     values, Text(syntax_.arguments_end), "\n");
    return OkStatus();
  }

  bool CanBeKey(std::string_view key) const {
    return !key.empty() && TrimSpace(key) == key && !Contains(key, TrimSpace(syntax_.key_end));
  }

  /// Refuses what tags cannot hold a model to.
  static Status CheckTagged(const Json& schema) {
    AUTOGLM_RETURN_IF_ERROR(JsonSchemaToGbnf(schema).status());
    for (const auto& [key, value] : schema.items()) {
      bool known = false;
      for (const char* name : {"type", "properties", "required", "additionalProperties", "$defs",
                               "definitions", "$schema", "$id", "$comment", "title", "description",
                               "default", "examples", "deprecated", "strict"}) {
        known |= key == name;
      }
      if (!known) {
        return Error(StatusCode::kUnimplemented, "/", key,
                     ": is not supported where arguments are written as tags");
      }
    }
    return OkStatus();
  }

  static bool IsRequired(const Json& schema, const std::string& key) {
    const auto required = schema.find("required");
    if (required == schema.end() || !required->is_array()) return false;
    for (const Json& one : *required) {
      if (one == key) return true;
    }
    return false;
  }

  // The value of a property, between its tags.
  Status AddValue(const Json& root, Json property, const std::string& rule) {
    const ParameterKind kind = ParameterKindOf(property);
    if (kind.form == ParameterKind::Form::kJson) {
      for (const char* definitions : {"$defs", "definitions"}) {
        if (root.contains(definitions)) property[definitions] = root[definitions];
      }
      AUTOGLM_ASSIGN_OR_RETURN(const std::string json,
                               JsonSchemaToGbnf(property, rule, JsonForm::kInTags));
      rules_ += json;
      return OkStatus();
    }
    if (property.is_object()) {
      if (property.contains("enum")) return AddChoice(property["enum"], kind, rule);
      if (property.contains("const")) {
        return AddChoice(Json::array({property["const"]}), kind, rule);
      }
    }
    if (kind.form == ParameterKind::Form::kString) return AddString(property, rule);
    return AddEither(property, rule);
  }

  // Of values that could not be written, or would be read as others, none.
  Status AddChoice(const Json& values, const ParameterKind& kind, const std::string& rule) {
    std::string choice;
    for (const Json& value : values) {
      const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
      if (Contains(text, TrimSpace(syntax_.value_end))) continue;
      if (Json::parse(BareValueToJson(text, kind)) != value) continue;
      choice += (choice.empty() ? "" : " | ") + GbnfLiteral(text);
    }
    if (choice.empty()) return Error(StatusCode::kInvalidArgument, "permits no value");
    rules_ += StrCat(rule, " ::= ", choice, "\n");
    return OkStatus();
  }

  Status AddString(const Json& property, const std::string& rule) {
    const std::string end(TrimSpace(syntax_.value_end));
    if (property.contains("pattern") || property.contains("format")) {
      AUTOGLM_ASSIGN_OR_RETURN(const std::string text, BareStringToGbnf(property, rule, end));
      rules_ += text;
      return OkStatus();
    }
    if (!property.contains("minLength") && !property.contains("maxLength")) {
      rules_ += GbnfTextWithout(rule, end);
      return OkStatus();
    }
    // JsonSchemaToGbnf has seen that these are numbers in order.
    const std::string least = property.value("minLength", Json(0)).dump();
    const std::string most = property.contains("maxLength") ? property["maxLength"].dump() : "";
    rules_ += StrCat(rule, " ::= ", GbnfNoneOf(end.substr(0, 1)), "{", least, ",", most, "}\n");
    return OkStatus();
  }

  // A bare string that cannot be read as anything else; or something else.
  Status AddEither(Json property, const std::string& rule) {
    std::string other;
    for (const char* key : {"pattern", "format"}) {
      if (!property.is_object() || !property.contains(key)) continue;
      return Error(StatusCode::kUnimplemented, "/", key,
                   ": is supported of strings alone where arguments are written as tags; give the "
                   "type string");
    }
    if (property.is_object() && property.contains("type") && property["type"].is_array()) {
      if (property.contains("minLength") || property.contains("maxLength")) {
        return Error(StatusCode::kUnimplemented,
                     "/type: a list of types with the length of a string is not supported where "
                     "arguments are written as tags");
      }
      Json types = Json::array();
      for (const Json& type : property["type"]) {
        if (type != "string") types.push_back(type);
      }
      property["type"] = types;
      AUTOGLM_ASSIGN_OR_RETURN(const std::string json,
                               JsonSchemaToGbnf(property, rule + "-json", JsonForm::kInTags));
      rules_ += json;
      other = rule + "-json | ";
    }
    rules_ += GbnfTextWithout(rule + "-text", TrimSpace(syntax_.value_end));
    const std::string safe = GbnfNoneOf("<-0123456789tfnTFN[{\" \t\n\r");
    rules_ += StrCat(rule, " ::= ", other, "(", safe, " ", rule, "-text)?\n");
    return OkStatus();
  }

  const AnswerGrammarOptions& options_;
  const CallSyntax& syntax_;
  std::string rules_;
  bool has_space_ = false;
};

}  // namespace

Result<GrammarSpec> MakeAnswerGrammar(const AnswerGrammarOptions& options) {
  return Writer(options).Write();
}

}  // namespace autoglm

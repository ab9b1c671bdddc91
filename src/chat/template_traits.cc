// See template_traits.h.
#include "chat/template_traits.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "chat/answer_parser.h"
#include "chat/tools.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kTools = R"([{"type": "function", "function": {"name": "probe_tool",
  "description": "Probes.", "parameters": {"type": "object",
  "properties": {"probe_key": {"type": "string"}}, "required": ["probe_key"]}}}])";
constexpr const char* kArguments = R"({"probe_key": "probe_value"})";
constexpr const char* kId = "abcdefgh1";
/// Any day: nothing that is looked for depends on it.
constexpr int64_t kNow = 1735689600;

class Prober {
 public:
  Prober(const ChatTemplate& chat_template, const CallSyntax& syntax, const Json& variables)
      : template_(chat_template), syntax_(syntax), variables_(variables) {}

  TemplateTraits Probe() {
    TemplateTraits traits;
    const auto system =
        Render({Message("system", "probe_system"), Message("user", "probe_user")}, Json(), true);
    traits.system_role = system && Contains(*system, "probe_system");
    traits.tools = ProbeTools();
    // A template that cannot be shown tools must not be given any.
    if (traits.tools == TemplateTraits::Tools::kVariable) tools_ = Json::parse(kTools);
    ProbeCalls(&traits);
    traits.results = ProbeResults(traits);
    return traits;
  }

 private:
  static Json Message(const char* role, const char* content) {
    return {{"role", role}, {"content", content}};
  }

  /// Nothing where the template refuses.
  std::optional<std::string> Render(const Json& messages, const Json& tools,
                                    bool generation_prompt) const {
    Json input = variables_;
    input["messages"] = messages;
    input["add_generation_prompt"] = generation_prompt;
    if (!tools.is_null()) input["tools"] = tools;
    const Result<std::string> text = template_.Render(input, kNow);
    if (!text.ok()) return std::nullopt;
    return *text;
  }

  static bool ShowsTool(const std::optional<std::string>& text) {
    return text && Contains(*text, "probe_tool") && Contains(*text, "probe_key");
  }

  TemplateTraits::Tools ProbeTools() const {
    const Json user = Json::array({Message("user", "probe_user")});
    // Without a file of its own here, its form of calls is unknown, and the prompt asks for ours.
    if (syntax_.family == "generic_json") return TemplateTraits::Tools::kText;
    if (ShowsTool(Render(user, Json::parse(kTools), true))) return TemplateTraits::Tools::kVariable;
    Json system = Message("system", "");
    system["tools"] = Json::parse(kTools);
    if (ShowsTool(Render(Json::array({system, user[0]}), Json(), true))) {
      return TemplateTraits::Tools::kSystemMessage;
    }
    return TemplateTraits::Tools::kText;
  }

  static Json CallMessage(bool string_arguments, bool null_content) {
    Json message = {{"role", "assistant"}, {"content", ""}};
    if (null_content) message["content"] = nullptr;
    const Json arguments = string_arguments ? Json(kArguments) : Json::parse(kArguments);
    message["tool_calls"] =
        Json::array({{{"id", kId},
                      {"type", "function"},
                      {"function", {{"name", "probe_tool"}, {"arguments", arguments}}}}});
    return message;
  }

  static Json MetadataMessage() {
    return {{"role", "assistant"}, {"content", kArguments}, {"metadata", "probe_tool"}};
  }

  /// Whether what the template writes for `message` is the probed call.
  std::optional<size_t> BytesOfCall(const Json& message) const {
    const Json user = Message("user", "probe_user");
    const bool at_start = syntax_.trigger.empty();
    const auto before = Render(Json::array({user}), tools_, at_start);
    const auto text = Render(Json::array({user, message}), tools_, false);
    if (!before || !text) return std::nullopt;
    size_t n = 0;
    while (n < before->size() && n < text->size() && (*before)[n] == (*text)[n]) ++n;
    AnswerParser parser(
        {.reads_calls = true, .syntax = syntax_, .tools = ParseTools(Json::parse(kTools)).value()});
    std::vector<ChatDelta> deltas;
    parser.Push(std::string_view(*text).substr(n), &deltas);
    parser.Finish(/*cut_off=*/false, &deltas);
    std::string name, arguments;
    for (const ChatDelta& delta : deltas) {
      if (delta.kind == ChatDelta::Kind::kCallBegin) name += delta.text;
      if (delta.kind == ChatDelta::Kind::kArguments) arguments += delta.text;
      if (delta.kind == ChatDelta::Kind::kCallEnd && !delta.complete) return std::nullopt;
    }
    const Json parsed = Json::parse(arguments, nullptr, /*allow_exceptions=*/false);
    if (name != "probe_tool" || parsed != Json::parse(kArguments)) return std::nullopt;
    return text->size();
  }

  // Of what comes back as the call it was, the shortest: templates that do not expect a form add
  // an empty message, or quotes, to it.
  void ProbeCalls(TemplateTraits* traits) const {
    std::optional<size_t> best;
    for (const bool string_arguments : {false, true}) {
      for (const bool null_content : {false, true}) {
        const auto n_bytes = BytesOfCall(CallMessage(string_arguments, null_content));
        if (!n_bytes || (best && *best <= *n_bytes)) continue;
        best = n_bytes;
        traits->calls = TemplateTraits::Calls::kToolCalls;
        traits->string_arguments = string_arguments;
        traits->null_content = null_content;
      }
    }
    if (!best && BytesOfCall(MetadataMessage())) traits->calls = TemplateTraits::Calls::kMetadata;
  }

  TemplateTraits::Results ProbeResults(const TemplateTraits& traits) const {
    Json call = Message("assistant", "probe_call");
    if (traits.calls == TemplateTraits::Calls::kMetadata) call = MetadataMessage();
    if (traits.calls == TemplateTraits::Calls::kToolCalls) {
      call = CallMessage(traits.string_arguments, traits.null_content);
    }
    Json result = {{"role", "tool"},
                   {"content", "probe_result"},
                   {"tool_call_id", kId},
                   {"name", "probe_tool"}};
    const auto shows = [&] {
      const auto text =
          Render(Json::array({Message("user", "probe_user"), call, result}), tools_, true);
      return text && Contains(*text, "probe_result");
    };
    if (traits.calls == TemplateTraits::Calls::kText) return TemplateTraits::Results::kUser;
    if (shows()) return TemplateTraits::Results::kTool;
    result["role"] = "observation";
    return shows() ? TemplateTraits::Results::kObservation : TemplateTraits::Results::kUser;
  }

  const ChatTemplate& template_;
  const CallSyntax& syntax_;
  const Json& variables_;
  Json tools_;  ///< given with every conversation; null: none
};

}  // namespace

TemplateTraits ProbeTemplate(const ChatTemplate& chat_template, const CallSyntax& syntax,
                             const Json& variables) {
  return Prober(chat_template, syntax, variables).Probe();
}

}  // namespace autoglm

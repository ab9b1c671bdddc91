// See conversation_format.h.
#include "chat/conversation_format.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "autoglm/action.h"
#include "base/utf8.h"
#include "chat/answer_grammar.h"
#include "chat/literal.h"
#include "chat/template_input.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

const Json& OrNull(const Json* json) {
  static const Json null;
  return json == nullptr ? null : *json;
}

ReasoningMarks FindReasoningMarks(std::string_view source) {
  if (Contains(source, "</think>")) return {"<think>", "</think>"};
  if (Contains(source, "[/THINK]")) return {"[THINK]", "[/THINK]"};
  return {};
}

/// What was said last; empty where that is no text.
std::string LastContent(const Json& messages) {
  if (!messages.is_array() || messages.empty() || !messages.back().is_object()) return {};
  const auto content = messages.back().find("content");
  return content != messages.back().end() && content->is_string() ? content->get<std::string>()
                                                                  : std::string();
}

}  // namespace

ConversationFormat ConversationFormat::Create(std::string_view source,
                                              const ChatTemplate& chat_template,
                                              const Tokenizer& tokenizer, std::string_view task) {
  ConversationFormat format(chat_template, tokenizer);
  format.writes_phone_actions_ = task == kPhoneActionsTask;
  format.syntax_ = FindToolFormat(source).syntax(source);
  format.reasoning_ = FindReasoningMarks(source);
  format.traits_ = ProbeTemplate(chat_template, format.syntax_, format.Variables());
  format.FindShownSpecial();
  return format;
}

Json ConversationFormat::Variables() const {
  return {{"bos_token", ReplaceInvalidUtf8(tokenizer_->TokenBytes(tokenizer_->bos_id()))},
          {"eos_token", ReplaceInvalidUtf8(tokenizer_->TokenBytes(tokenizer_->eos_id()))}};
}

// Which of the marks are control tokens is the vocabulary's choice.
void ConversationFormat::FindShownSpecial() {
  std::string marks = reasoning_.begin + reasoning_.end;
  for (const std::string* part :
       {&syntax_.section_begin, &syntax_.call_begin, &syntax_.id_begin, &syntax_.after_name,
        &syntax_.key_begin, &syntax_.key_end, &syntax_.value_begin, &syntax_.value_end,
        &syntax_.arguments_end, &syntax_.call_end, &syntax_.separator, &syntax_.section_end}) {
    marks += *part;
  }
  for (const int32_t id :
       tokenizer_->Encode(marks, {.add_special = false, .parse_special = true})) {
    const bool known =
        std::find(shown_special_.begin(), shown_special_.end(), id) != shown_special_.end();
    if (tokenizer_->type(id) == TokenType::kControl && !known) shown_special_.push_back(id);
  }
}

int32_t ConversationFormat::FindControlToken(std::string_view name) const {
  const int32_t id = tokenizer_->Find(name);
  return id >= 0 && tokenizer_->type(id) == TokenType::kControl ? id : -1;
}

Result<std::string> ConversationFormat::Render(const ConversationRequest& request,
                                               bool shows_tools) const {
  Json input = request.variables == nullptr ? Json::object() : *request.variables;
  if (!input.is_object()) {
    return Error(StatusCode::kInvalidArgument, "template variables: must be an object, not ",
                 input.type_name());
  }
  input.update(Variables());
  input["add_generation_prompt"] = request.add_generation_prompt;
  AUTOGLM_RETURN_IF_ERROR(SetTemplateInput(traits_, syntax_, OrNull(request.messages),
                                           shows_tools ? OrNull(request.tools) : Json(), &input));
  return template_->Render(input, request.now_unix_s);
}

Result<Conversation> ConversationFormat::Prepare(const ConversationRequest& request) const {
  Conversation out;
  AUTOGLM_ASSIGN_OR_RETURN(std::vector<ToolSpec> tools, ParseTools(OrNull(request.tools)));
  AUTOGLM_ASSIGN_OR_RETURN(const ToolChoice choice,
                           ParseToolChoice(OrNull(request.tool_choice), tools));
  const bool has_tools = !tools.empty() && choice.mode != ToolChoice::Mode::kNone;
  AUTOGLM_ASSIGN_OR_RETURN(out.prompt, Render(request, has_tools));

  const bool begins_answer = request.add_generation_prompt && !reasoning_.begin.empty();
  const bool unwanted = request.variables != nullptr && request.variables->is_object() &&
                        request.variables->value("enable_thinking", Json(true)) == false;
  // A template without that switch may begin reasoning all the same.
  if (unwanted && begins_answer && TrimSpace(out.prompt).ends_with(reasoning_.begin)) {
    out.prompt += reasoning_.end + "\n\n";
  }
  AnswerParserOptions& parser = out.parser;
  const std::string_view prompt = TrimSpace(out.prompt);
  if (request.splits_reasoning) parser.reasoning = reasoning_;
  parser.starts_in_reasoning =
      request.splits_reasoning && begins_answer && prompt.ends_with(reasoning_.begin);
  parser.drops_leading_space = (begins_answer && prompt.ends_with(reasoning_.end)) ||
                               syntax_.family == "glm45" || syntax_.content_on_new_line ||
                               request.content_schema != nullptr;
  AnswerGrammarOptions grammar;
  grammar.syntax = &syntax_;
  if (has_tools) grammar.tools = tools;
  grammar.choice = choice;
  grammar.parallel = request.parallel_tool_calls;
  // Where the prompt has closed the reasoning, or the caller wants none, there is to be none.
  const bool closed = unwanted || (begins_answer && prompt.ends_with(reasoning_.end));
  if (!closed) grammar.reasoning = reasoning_;
  grammar.starts_in_reasoning = begins_answer && prompt.ends_with(reasoning_.begin);
  grammar.content_schema = request.content_schema;
  grammar.find_control_token = [this](std::string_view name) { return FindControlToken(name); };
  AUTOGLM_ASSIGN_OR_RETURN(out.grammar, MakeAnswerGrammar(grammar));
  if (out.grammar.gbnf.empty() && writes_phone_actions_) {
    out.grammar.gbnf = PhoneActionsGrammar(LastContent(OrNull(request.messages)));
  }

  parser.reads_calls = has_tools;
  parser.syntax = syntax_;
  parser.tools = std::move(tools);
  parser.id_seed = request.id_seed;
  out.shown_special = shown_special_;
  return out;
}

}  // namespace autoglm

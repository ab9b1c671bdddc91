// ConversationFormat: how one model is talked to: a conversation becomes its prompt, what holds the
// answer to the request, and how the answer is read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"
#include "chat/answer_parser.h"
#include "chat/call_syntax.h"
#include "chat/template_traits.h"
#include "sampling/grammar/automaton.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace autoglm {

/// Fields as in OpenAI's API; the pointers may be null where a field is absent, and are not kept.
struct ConversationRequest {
  const nlohmann::ordered_json* messages = nullptr;
  const nlohmann::ordered_json* tools = nullptr;
  const nlohmann::ordered_json* tool_choice = nullptr;
  bool parallel_tool_calls = true;
  /// A JSON Schema that the content must be valid against.
  const nlohmann::ordered_json* content_schema = nullptr;
  /// Further variables of the template, an object: enable_thinking ...
  const nlohmann::ordered_json* variables = nullptr;
  bool add_generation_prompt = true;
  bool splits_reasoning = true;  ///< false: it stays in the content, with its marks
  int64_t now_unix_s = 0;        ///< what strftime_now sees
  uint64_t id_seed = 0;          ///< the ids of calls follow from it
};

struct Conversation {
  std::string prompt;  ///< to be tokenized with parse_special and without add_special
  /// Control tokens that the answer's text must show, for `parser`.
  std::vector<int32_t> shown_special;
  /// What the answer must match (Engine::CompileGrammar); empty gbnf: anything.
  GrammarSpec grammar;
  AnswerParserOptions parser;
};

/// Made once for a model; const, and threads may share it.
class ConversationFormat {
 public:
  /// `source`: of the template. `chat_template` and `tokenizer` are kept. `task`: what the model
  /// was made for (ModelInfo::task), or empty.
  static ConversationFormat Create(std::string_view source, const ChatTemplate& chat_template,
                                   const Tokenizer& tokenizer, std::string_view task = {});

  /// kInvalidArgument for what is wrong with the request, beginning with the field's name, and
  /// where the template refuses the messages; kUnimplemented for a schema that cannot be enforced,
  /// with the field and the JSON pointer within it; kResourceExhausted as ChatTemplate::Render.
  Result<Conversation> Prepare(const ConversationRequest& request) const;

  const CallSyntax& syntax() const { return syntax_; }
  const TemplateTraits& traits() const { return traits_; }
  const ReasoningMarks& reasoning() const { return reasoning_; }

 private:
  ConversationFormat(const ChatTemplate& chat_template, const Tokenizer& tokenizer)
      : template_(&chat_template), tokenizer_(&tokenizer) {}

  nlohmann::ordered_json Variables() const;
  void FindShownSpecial();
  int32_t FindControlToken(std::string_view name) const;
  Result<std::string> Render(const ConversationRequest& request, bool shows_tools) const;

  const ChatTemplate* template_;
  const Tokenizer* tokenizer_;
  CallSyntax syntax_;
  TemplateTraits traits_;
  ReasoningMarks reasoning_;
  std::vector<int32_t> shown_special_;
  bool writes_phone_actions_ = false;  ///< the model's task
};

}  // namespace autoglm

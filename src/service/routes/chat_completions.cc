// POST /v1/chat/completions. Source: OpenAI's API reference, "Create chat completion" and "The chat
// completion chunk object".
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/str.h"
#include "net/sse.h"
#include "service/answer_format.h"
#include "service/chat_prompt.h"
#include "service/chat_request.h"
#include "service/fields.h"
#include "service/generation_answer.h"
#include "service/generation_spec.h"
#include "service/route.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

class ChatAnswerFormat final : public AnswerFormat {
 public:
  ChatAnswerFormat(ChatRequest request, bool include_usage)
      : request_(std::move(request)), include_usage_(include_usage) {}

  std::string_view id_prefix() const override { return "chatcmpl-"; }

  ApiError MakePrompts(const HostedModel& model, std::vector<std::vector<int32_t>>* prompts,
                       SequenceOptions* options) override {
    return PrepareChat(model, request_, &prompts->emplace_back(), options, &parser_options_);
  }

  void Begin(const AnswerHead& head) override {
    head_ = head;
    choices_.resize(static_cast<size_t>(head.n_choices));
    for (Choice& choice : choices_) {
      choice.parser = std::make_unique<AnswerParser>(parser_options_);
      ++parser_options_.id_seed;
    }
  }

  void Accept(const TokenEvent& event, std::string* stream) override {
    Choice& choice = choices_[static_cast<size_t>(event.choice)];
    choice.stop_reason = event.stop_reason;
    std::vector<ChatDelta> deltas;
    choice.parser->Push(event.text, &deltas);
    if (event.stop_reason != StopReason::kNone) {
      choice.parser->Finish(/*cut_off=*/FinishReason(event.stop_reason) == "length", &deltas);
    }
    // The token that ends an answer is no part of it.
    const bool has_logprob =
        event.token.id >= 0 && with_logprobs_ && event.stop_reason != StopReason::kEndOfGeneration;
    Json logprobs;
    if (has_logprob) logprobs = ChatLogprob(*head_.tokenizer, event.token);
    if (stream == nullptr) {
      for (const ChatDelta& delta : deltas) AddDelta(delta, &choice);
      if (has_logprob) choice.logprobs.push_back(std::move(logprobs));
      return;
    }
    if (!choice.begun) {
      AppendChunk(stream, event.choice, {{"role", "assistant"}, {"content", ""}}, nullptr, nullptr);
    }
    choice.begun = true;
    if (has_logprob) logprobs = Json{{"content", Json::array({std::move(logprobs)})}};
    for (const ChatDelta& delta : deltas) {
      Json json = ToJson(delta);
      if (json.is_null()) continue;
      AppendChunk(stream, event.choice, std::move(json), std::exchange(logprobs, nullptr), nullptr);
    }
    if (!logprobs.is_null()) {  // of a token whose text is held back
      AppendChunk(stream, event.choice, {{"content", ""}}, std::move(logprobs), nullptr);
    }
    if (event.stop_reason != StopReason::kNone) {
      AppendChunk(stream, event.choice, Json::object(), nullptr, FinishOf(choice));
    }
  }

  void End(const TokenUsage& usage, std::string* stream) override {
    if (include_usage_) {
      Json chunk = Head("chat.completion.chunk");
      chunk["choices"] = Json::array();
      chunk["usage"] = autoglm::ToJson(usage);
      AppendSseEvent(stream, Dump(chunk));
    }
    AppendSseEvent(stream, "[DONE]");
  }

  Json Whole(const TokenUsage& usage) override {
    Json out = Head("chat.completion");
    Json& choices = out["choices"] = Json::array();
    for (size_t i = 0; i < choices_.size(); ++i) {
      Choice& choice = choices_[i];
      choices.push_back(
          {{"index", i},
           {"message", Message(choice)},
           {"logprobs", with_logprobs_ ? Json{{"content", std::move(choice.logprobs)}} : Json()},
           {"finish_reason", FinishOf(choice)}});
    }
    out["usage"] = autoglm::ToJson(usage);
    return out;
  }

  void set_with_logprobs(bool with_logprobs) { with_logprobs_ = with_logprobs; }

 private:
  struct Choice {
    std::unique_ptr<AnswerParser> parser;
    bool begun = false;
    std::string text, reasoning;
    std::vector<ToolCall> calls;
    Json logprobs = Json::array();
    StopReason stop_reason = StopReason::kNone;
  };

  static void AddDelta(const ChatDelta& delta, Choice* choice) {
    using Kind = ChatDelta::Kind;
    if (delta.kind == Kind::kContent) choice->text += delta.text;
    if (delta.kind == Kind::kReasoning) choice->reasoning += delta.text;
    if (delta.kind == Kind::kCallBegin) {
      choice->calls.push_back({.id = delta.call_id, .name = delta.text});
    }
    if (delta.kind == Kind::kArguments) choice->calls.back().arguments_json += delta.text;
  }

  /// A chunk's delta; null where there is nothing to tell.
  static Json ToJson(const ChatDelta& delta) {
    switch (delta.kind) {
      case ChatDelta::Kind::kContent:
        return {{"content", delta.text}};
      case ChatDelta::Kind::kReasoning:
        return {{"reasoning_content", delta.text}};
      case ChatDelta::Kind::kCallBegin:
        return CallDelta({{"index", delta.call_index},
                          {"id", delta.call_id},
                          {"type", "function"},
                          {"function", {{"name", delta.text}, {"arguments", ""}}}});
      case ChatDelta::Kind::kArguments:
        return CallDelta({{"index", delta.call_index}, {"function", {{"arguments", delta.text}}}});
      case ChatDelta::Kind::kCallEnd:
        break;
    }
    return nullptr;
  }
  static Json CallDelta(Json call) { return {{"tool_calls", Json::array({std::move(call)})}}; }

  static Json FinishOf(const Choice& choice) {
    Json reason = FinishReason(choice.stop_reason);
    if (reason == "stop" && choice.parser->n_calls() > 0) return "tool_calls";
    return reason;
  }

  static Json Message(const Choice& choice) {
    Json message = {{"role", "assistant"}, {"content", choice.text}, {"refusal", nullptr}};
    if (!choice.reasoning.empty()) message["reasoning_content"] = choice.reasoning;
    if (choice.calls.empty()) return message;
    if (choice.text.empty()) message["content"] = nullptr;
    for (const ToolCall& call : choice.calls) {
      message["tool_calls"].push_back(
          {{"id", call.id},
           {"type", "function"},
           {"function", {{"name", call.name}, {"arguments", call.arguments_json}}}});
    }
    return message;
  }

  Json Head(const char* object) const {
    return {{"id", head_.id},
            {"object", object},
            {"created", head_.created_unix_s},
            {"model", head_.model}};
  }

  void AppendChunk(std::string* stream, int index, Json delta, Json logprobs, Json finish_reason) {
    Json chunk = Head("chat.completion.chunk");
    chunk["choices"] = Json::array({{{"index", index},
                                     {"delta", std::move(delta)},
                                     {"logprobs", std::move(logprobs)},
                                     {"finish_reason", std::move(finish_reason)}}});
    if (include_usage_) chunk["usage"] = nullptr;
    AppendSseEvent(stream, Dump(chunk));
  }

  const ChatRequest request_;
  AnswerParserOptions parser_options_;
  const bool include_usage_;
  bool with_logprobs_ = false;
  AnswerHead head_;
  std::vector<Choice> choices_;
};

void ReadLogprobs(Fields& fields, GenerationSpec* spec) {
  const bool wanted = fields.Bool("logprobs").value_or(false);
  const auto top = fields.Int("top_logprobs", 0, kMaxLogprobs);
  if (top && !wanted) return fields.Fail("top_logprobs", "needs 'logprobs': true");
  if (wanted) spec->n_logprobs = static_cast<int>(top.value_or(0));
}

}  // namespace

std::unique_ptr<Answer> HandleChatCompletions(RouteCall call) {
  Json body;
  ApiError error = ParseJsonObject(call.request.body, &body);
  if (!error.ok()) return Respond(ToResponse(error));
  Fields fields(body, "", &error);
  GenerationSpec spec;
  ReadGenerationFields(fields, &spec);
  ReadMaxTokens(fields, {"max_completion_tokens", "max_tokens"}, &spec);
  ReadLogprobs(fields, &spec);
  ChatRequest request;
  ReadTools(fields, &request);
  if (const Json* form = fields.Object("response_format")) {
    ReadAnswerForm(fields, *form, "response_format", /*nested=*/true, &request);
  }
  ReadGrammar(fields, &request);
  if (const Json* variables = fields.Object("chat_template_kwargs")) {
    request.template_variables = *variables;
  }
  request.messages = ReadMessages(fields, "messages");
  if (!error.ok()) return Respond(ToResponse(error));
  auto format = std::make_unique<ChatAnswerFormat>(std::move(request), spec.include_usage);
  format->set_with_logprobs(spec.n_logprobs >= 0);
  return Generate(std::move(call), std::move(spec), std::move(format));
}

}  // namespace autoglm

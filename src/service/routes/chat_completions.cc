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
#include "service/fields.h"
#include "service/generation_answer.h"
#include "service/generation_spec.h"
#include "service/route.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

struct ChatRequest {
  Json messages;            ///< as ReadMessages gives them
  Json template_variables;  ///< an object, or null
};

class ChatAnswerFormat final : public AnswerFormat {
 public:
  ChatAnswerFormat(ChatRequest request, bool include_usage)
      : request_(std::move(request)), include_usage_(include_usage) {}

  std::string_view id_prefix() const override { return "chatcmpl-"; }

  ApiError MakePrompts(const HostedModel& model, std::vector<std::vector<int32_t>>* prompts,
                       SequenceOptions*) override {
    return TokenizeMessages(model, request_.messages, request_.template_variables, "messages",
                            &prompts->emplace_back());
  }

  void Begin(const AnswerHead& head) override {
    head_ = head;
    choices_.resize(static_cast<size_t>(head.n_choices));
  }

  void Accept(const TokenEvent& event, std::string* stream) override {
    Choice& choice = choices_[static_cast<size_t>(event.choice)];
    // The token that ends an answer is no part of it.
    const bool has_logprob =
        event.token.id >= 0 && with_logprobs_ && event.stop_reason != StopReason::kEndOfGeneration;
    Json logprobs = has_logprob ? ChatLogprob(*head_.tokenizer, event.token) : Json();
    if (stream == nullptr) {
      choice.text += event.text;
      if (has_logprob) choice.logprobs.push_back(std::move(logprobs));
      choice.stop_reason = event.stop_reason;
      return;
    }
    if (!choice.begun) {
      AppendChunk(stream, event.choice, {{"role", "assistant"}, {"content", ""}}, nullptr, nullptr);
    }
    choice.begun = true;
    if (!event.text.empty() || has_logprob) {
      AppendChunk(stream, event.choice, {{"content", event.text}},
                  has_logprob ? Json{{"content", Json::array({std::move(logprobs)})}} : Json(),
                  nullptr);
    }
    if (event.stop_reason != StopReason::kNone) {
      AppendChunk(stream, event.choice, Json::object(), nullptr, FinishReason(event.stop_reason));
    }
  }

  void End(const TokenUsage& usage, std::string* stream) override {
    if (include_usage_) {
      Json chunk = Head("chat.completion.chunk");
      chunk["choices"] = Json::array();
      chunk["usage"] = ToJson(usage);
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
           {"message", {{"role", "assistant"}, {"content", choice.text}, {"refusal", nullptr}}},
           {"logprobs", with_logprobs_ ? Json{{"content", std::move(choice.logprobs)}} : Json()},
           {"finish_reason", FinishReason(choice.stop_reason)}});
    }
    out["usage"] = ToJson(usage);
    return out;
  }

  void set_with_logprobs(bool with_logprobs) { with_logprobs_ = with_logprobs; }

 private:
  struct Choice {
    bool begun = false;
    std::string text;
    Json logprobs = Json::array();
    StopReason stop_reason = StopReason::kNone;
  };

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

/// What would change the answer's form and cannot be had is refused, not passed over.
void RefuseUnsupported(Fields& fields) {
  if (const Json* format = fields.Object("response_format")) {
    if (!format->contains("type") || (*format)["type"] != "text") {
      fields.Fail("response_format", "must have the type \"text\": others are not supported");
    }
  }
  const Json* tools = fields.Array("tools");
  if (tools != nullptr && !tools->empty()) fields.Fail("tools", "are not supported");
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
  RefuseUnsupported(fields);
  ChatRequest request;
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

// POST /v1/completions: a text continued. Source: OpenAI's API reference, "Create completion".
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/str.h"
#include "base/utf8.h"
#include "net/sse.h"
#include "service/answer_format.h"
#include "service/fields.h"
#include "service/generation_answer.h"
#include "service/generation_spec.h"
#include "service/route.h"
#include "service/text_input.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxLegacyLogprobs = 5;
/// As OpenAI's own default.
constexpr int kDefaultMaxTokens = 16;

class TextAnswerFormat final : public AnswerFormat {
 public:
  TextAnswerFormat(std::vector<TextInput> prompts, bool echo, const GenerationSpec& spec)
      : prompts_(std::move(prompts)),
        echo_(echo),
        n_(spec.n),
        with_logprobs_(spec.n_logprobs >= 0),
        include_usage_(spec.include_usage) {}

  std::string_view id_prefix() const override { return "cmpl-"; }

  ApiError MakePrompts(const HostedModel& model, std::vector<std::vector<int32_t>>* prompts,
                       SequenceOptions*) override {
    for (const TextInput& prompt : prompts_) {
      std::vector<int32_t> tokens;
      const ApiError error = TokenizeInput(model, prompt, "prompt", &tokens);
      if (!error.ok()) return error;
      echoes_.push_back(!echo_ ? ""
                        : prompt.is_text
                            ? prompt.text
                            : ReplaceInvalidUtf8(model.tokenizer().Decode(tokens, false)));
      prompts->push_back(std::move(tokens));
    }
    return {};
  }

  void Begin(const AnswerHead& head) override {
    head_ = head;
    choices_.resize(static_cast<size_t>(head.n_choices));
    for (size_t i = 0; i < choices_.size(); ++i) {
      choices_[i].held = echoes_[i / static_cast<size_t>(n_)];
    }
  }

  void Accept(const TokenEvent& event, std::string* stream) override {
    Choice& choice = choices_[static_cast<size_t>(event.choice)];
    if (event.token.id >= 0 && with_logprobs_ &&
        event.stop_reason != StopReason::kEndOfGeneration) {
      AddLogprob(event.token, &choice);
    }
    choice.held += event.text;
    choice.stop_reason = event.stop_reason;
    const bool ended = event.stop_reason != StopReason::kNone;
    if (stream == nullptr || (choice.held.empty() && !ended && choice.logprobs.empty())) return;
    Json chunk = Head();
    chunk["choices"] = Json::array({ToJson(static_cast<size_t>(event.choice))});
    if (include_usage_) chunk["usage"] = nullptr;
    AppendSseEvent(stream, Dump(chunk));
    choice.text_offset += choice.held.size();
    choice.held.clear();
    choice.logprobs = Json();
  }

  void End(const TokenUsage& usage, std::string* stream) override {
    if (include_usage_) {
      Json chunk = Head();
      chunk["choices"] = Json::array();
      chunk["usage"] = autoglm::ToJson(usage);
      AppendSseEvent(stream, Dump(chunk));
    }
    AppendSseEvent(stream, "[DONE]");
  }

  Json Whole(const TokenUsage& usage) override {
    Json out = Head();
    Json& choices = out["choices"] = Json::array();
    for (size_t i = 0; i < choices_.size(); ++i) choices.push_back(ToJson(i));
    out["usage"] = autoglm::ToJson(usage);
    return out;
  }

 private:
  struct Choice {
    std::string held;        ///< text that is not yet sent
    size_t text_offset = 0;  ///< bytes sent
    Json logprobs;           ///< of the held text; null or an object
    StopReason stop_reason = StopReason::kNone;
  };

  Json Head() const {
    return {{"id", head_.id},
            {"object", "text_completion"},
            {"created", head_.created_unix_s},
            {"model", head_.model}};
  }

  Json ToJson(size_t index) const {
    const Choice& choice = choices_[index];
    return {{"index", index},
            {"text", choice.held},
            {"logprobs", choice.logprobs},
            {"finish_reason", FinishReason(choice.stop_reason)}};
  }

  void AddLogprob(const SampledToken& token, Choice* choice) const {
    Json& logprobs = choice->logprobs;
    if (logprobs.is_null()) {
      logprobs = {{"tokens", Json::array()},
                  {"token_logprobs", Json::array()},
                  {"top_logprobs", Json::array()},
                  {"text_offset", Json::array()}};
    }
    const Json entry = LogprobEntry(*head_.tokenizer, token.id, token.logprob);
    logprobs["tokens"].push_back(entry["token"]);
    logprobs["token_logprobs"].push_back(entry["logprob"]);
    Json top = Json::object();
    for (const TokenLogprob& other : token.top_logprobs) {
      const Json other_entry = LogprobEntry(*head_.tokenizer, other.id, other.logprob);
      top[other_entry["token"].get<std::string>()] = other_entry["logprob"];
    }
    logprobs["top_logprobs"].push_back(std::move(top));
    logprobs["text_offset"].push_back(choice->text_offset + choice->held.size());
  }

  const std::vector<TextInput> prompts_;
  const bool echo_;
  const int n_;
  const bool with_logprobs_;
  const bool include_usage_;
  std::vector<std::string> echoes_;  ///< [prompts_.size()]
  AnswerHead head_;
  std::vector<Choice> choices_;
};

}  // namespace

std::unique_ptr<Answer> HandleCompletions(RouteCall call) {
  Json body;
  ApiError error = ParseJsonObject(call.request.body, &body);
  if (!error.ok()) return Respond(ToResponse(error));
  Fields fields(body, "", &error);
  GenerationSpec spec;
  spec.max_tokens = kDefaultMaxTokens;
  ReadGenerationFields(fields, &spec);
  if (fields.Has("max_tokens")) {
    spec.max_tokens.reset();
    ReadMaxTokens(fields, {"max_tokens"}, &spec);
  }
  if (const auto n = fields.Int("logprobs", 0, kMaxLegacyLogprobs)) {
    spec.n_logprobs = static_cast<int>(*n);
  }
  const bool echo = fields.Bool("echo").value_or(false);
  if (echo && spec.n_logprobs >= 0) fields.Fail("logprobs", "cannot be had together with 'echo'");
  if (fields.Has("suffix") && fields.String("suffix").value_or("") != "") {
    fields.Fail("suffix", "is not supported");
  }
  if (fields.Int("best_of", 1, kMaxChoices).value_or(spec.n) != spec.n) {
    fields.Fail("best_of", "other than 'n' is not supported");
  }
  std::vector<TextInput> prompts = ReadTextInputs(fields, "prompt");
  if (!error.ok()) return Respond(ToResponse(error));
  auto format = std::make_unique<TextAnswerFormat>(std::move(prompts), echo, spec);
  return Generate(std::move(call), std::move(spec), std::move(format));
}

}  // namespace autoglm

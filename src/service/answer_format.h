// AnswerFormat: how one API asks for text and shows it: chat completions, completions, responses.
// GenerationAnswer does the rest.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "service/api_error.h"
#include "service/generation.h"
#include "service/hosted_model.h"

namespace autoglm {

struct TokenUsage {
  int n_prompt = 0;
  int n_cached = 0;  ///< of them, found computed
  int n_generated = 0;
};

/// What every answer is told about itself.
struct AnswerHead {
  std::string id;  ///< "chatcmpl-..."
  std::string model;
  int64_t created_unix_s = 0;
  int n_choices = 1;
  const Tokenizer* tokenizer = nullptr;  ///< stays as long as the answer
};

/// Made for one request. One thread at a time, never the inference thread.
class AnswerFormat {
 public:
  virtual ~AnswerFormat() = default;

  /// "chatcmpl-", "cmpl-", "resp_".
  virtual std::string_view id_prefix() const = 0;

  /// The answer is no text but what the model computes for the prompt's last token.
  virtual bool wants_embedding() const { return false; }

  /// The prompts as token ids, now that the model is there; `options` may be changed for them.
  /// Called once and first.
  virtual ApiError MakePrompts(const HostedModel& model, std::vector<std::vector<int32_t>>* prompts,
                               SequenceOptions* options) = 0;

  /// Once, before anything is accepted.
  virtual void Begin(const AnswerHead& head) = 0;
  /// Takes up what came. With `stream` not null, writes it there as server-sent events; the first
  /// call may have to open the stream.
  virtual void Accept(const TokenEvent& event, std::string* stream) = 0;
  /// The stream's end.
  virtual void End(const TokenUsage& usage, std::string* stream) = 0;
  /// The whole answer, where there is no stream.
  virtual nlohmann::ordered_json Whole(const TokenUsage& usage) = 0;
};

/// {"prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details"}.
nlohmann::ordered_json ToJson(const TokenUsage& usage);

/// "stop" or "length"; null while the answer is being written.
nlohmann::ordered_json FinishReason(StopReason reason);

/// The token's bytes, and as text what they are where they are UTF-8.
nlohmann::ordered_json LogprobEntry(const Tokenizer& tokenizer, int32_t id, float logprob);
/// One entry of "content" in chat's logprobs: token, logprob, bytes, top_logprobs.
nlohmann::ordered_json ChatLogprob(const Tokenizer& tokenizer, const SampledToken& token);

/// Letters and digits at random, `n` of them.
std::string RandomId(int n);

/// Tokens of `text`; 400 with the field's name where they leave no room in the context.
ApiError CheckPromptLength(const HostedModel& model, const std::vector<int32_t>& prompt,
                           const char* field);

}  // namespace autoglm

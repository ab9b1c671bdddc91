// See answer_format.h.
#include "service/answer_format.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "base/str.h"
#include "base/utf8.h"

namespace autoglm {

using Json = nlohmann::ordered_json;

Json ToJson(const TokenUsage& usage) {
  return {{"prompt_tokens", usage.n_prompt},
          {"completion_tokens", usage.n_generated},
          {"total_tokens", usage.n_prompt + usage.n_generated},
          {"prompt_tokens_details", {{"cached_tokens", usage.n_cached}}}};
}

Json FinishReason(StopReason reason) {
  switch (reason) {
    case StopReason::kNone:
      return nullptr;
    case StopReason::kLength:
    case StopReason::kContextFull:
      return "length";
    default:
      return "stop";
  }
}

Json LogprobEntry(const Tokenizer& tokenizer, int32_t id, float logprob) {
  const std::string_view bytes = tokenizer.TokenBytes(id);
  // JSON has no infinity; OpenAI gives -9999 for what cannot happen.
  const double value = std::isfinite(logprob) ? static_cast<double>(logprob) : -9999.0;
  Json list = Json::array();
  for (const char c : bytes) list.push_back(static_cast<unsigned char>(c));
  return {{"token", ReplaceInvalidUtf8(bytes)}, {"logprob", value}, {"bytes", std::move(list)}};
}

Json ChatLogprob(const Tokenizer& tokenizer, const SampledToken& token) {
  Json entry = LogprobEntry(tokenizer, token.id, token.logprob);
  Json& top = entry["top_logprobs"] = Json::array();
  for (const TokenLogprob& other : token.top_logprobs) {
    top.push_back(LogprobEntry(tokenizer, other.id, other.logprob));
  }
  return entry;
}

std::string RandomId(int n) {
  constexpr std::string_view kLetters = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::random_device device;
  std::string id;
  for (int i = 0; i < n; ++i) id.push_back(kLetters[device() % kLetters.size()]);
  return id;
}

ApiError CheckPromptLength(const HostedModel& model, const std::vector<int32_t>& prompt,
                           const char* field) {
  if (prompt.empty()) return InvalidField(field, StrCat("'", field, "' has no tokens"));
  if (prompt.size() < static_cast<size_t>(model.n_ctx())) return {};
  return InvalidField(field,
                      StrCat("'", field, "' has ", prompt.size(),
                             " tokens; prompt and answer "
                             "together may have ",
                             model.n_ctx()),
                      "context_length_exceeded");
}

}  // namespace autoglm

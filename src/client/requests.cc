#include "client/requests.h"

#include "base/utf8.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMessageBytesShown = 1000;

Result<Json> ParseOr(const char* what, std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return Error(StatusCode::kInvalidArgument, what, " is not JSON: '", Quoted(text), "'");
  }
  return json;
}

/// The entry of an object, or null.
const Json& At(const Json& json, const char* key) {
  static const Json kNull;
  if (!json.is_object()) return kNull;
  const auto it = json.find(key);
  return it == json.end() ? kNull : *it;
}

std::string TextAt(const Json& json, const char* key) {
  const Json& value = At(json, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

StatusCode CodeOf(int http_status) {
  switch (http_status) {
    case 401:
    case 403:
      return StatusCode::kPermissionDenied;
    case 404:
      return StatusCode::kNotFound;
    case 413:
      return StatusCode::kOutOfRange;
    case 429:
    case 503:
      return StatusCode::kResourceExhausted;
    case 408:
    case 504:
      return StatusCode::kIoError;
    case 501:
      return StatusCode::kUnimplemented;
    default:
      return http_status / 100 == 4 ? StatusCode::kInvalidArgument : StatusCode::kInternal;
  }
}

StopReason ReasonOf(std::string_view finish_reason) {
  if (finish_reason == "length") return StopReason::kLength;
  return StopReason::kEndOfGeneration;  // "stop", "tool_calls" and whatever else ends an answer
}

void AddUsage(const Json& usage, GenerateStats* stats) {
  const auto number = [](const Json& json) { return json.is_number() ? json.get<int>() : 0; };
  if (!usage.is_object()) return;
  stats->n_prompt_tokens = number(At(usage, "prompt_tokens"));
  stats->n_tokens = number(At(usage, "completion_tokens"));
  stats->n_cached_tokens = number(At(At(usage, "prompt_tokens_details"), "cached_tokens"));
}

/// Only what differs from the default is sent, so that a server which lacks a field still serves.
template <typename T>
void SetUnless(Json* body, const char* key, const T& value, const T& fallback) {
  if (value != fallback) (*body)[key] = value;
}

}  // namespace

Result<Json> CompletionBody(std::string_view model, const GenerateOptions& options) {
  const GenerateOptions fallback;
  Json body = {{"model", ReplaceInvalidUtf8(model)},
               {"stream", true},
               {"stream_options", {{"include_usage", true}}}};
  SetUnless(&body, "max_tokens", options.max_tokens, GenerateOptions::kNoLimit);
  SetUnless(&body, "temperature", options.temperature, fallback.temperature);
  SetUnless(&body, "top_p", options.top_p, fallback.top_p);
  SetUnless(&body, "top_k", options.top_k, fallback.top_k);
  SetUnless(&body, "min_p", options.min_p, fallback.min_p);
  SetUnless(&body, "typical_p", options.typical_p, fallback.typical_p);
  SetUnless(&body, "repetition_penalty", options.repetition_penalty, fallback.repetition_penalty);
  SetUnless(&body, "presence_penalty", options.presence_penalty, fallback.presence_penalty);
  SetUnless(&body, "frequency_penalty", options.frequency_penalty, fallback.frequency_penalty);
  SetUnless(&body, "ignore_eos", options.ignore_eos, fallback.ignore_eos);
  if (options.seed) body["seed"] = *options.seed;
  for (const std::string& stop : options.stop) body["stop"].push_back(ReplaceInvalidUtf8(stop));
  for (const auto& [id, bias] : options.logit_bias) body["logit_bias"][StrCat(id)] = bias;
  if (options.context_policy != ContextPolicy::kStop) {
    return Error(StatusCode::kUnimplemented,
                 "a server's interface has no name for dropping the oldest tokens");
  }
  return body;
}

Result<Json> ChatBody(std::string_view model, const std::vector<ChatMessage>& messages,
                      const ChatOptions& options) {
  AUTOGLM_ASSIGN_OR_RETURN(Json body, CompletionBody(model, options));
  body["messages"] = Json::array();
  for (const ChatMessage& message : messages) {
    Json json = {{"role", ReplaceInvalidUtf8(message.role)},
                 {"content", ReplaceInvalidUtf8(message.content)}};
    if (!message.extra_json.empty()) {
      AUTOGLM_ASSIGN_OR_RETURN(const Json extra,
                               ParseOr("extra_json of a message", message.extra_json));
      if (extra.is_object()) json.update(extra);
    }
    body["messages"].push_back(std::move(json));
  }
  if (!options.tools_json.empty()) {
    AUTOGLM_ASSIGN_OR_RETURN(body["tools"], ParseOr("tools_json", options.tools_json));
  }
  if (!options.template_variables_json.empty()) {
    AUTOGLM_ASSIGN_OR_RETURN(body["chat_template_kwargs"],
                             ParseOr("template_variables_json", options.template_variables_json));
  }
  return body;
}

Result<std::string> AddEvent(std::string_view data, GenerateResult* result) {
  const Json event = Json::parse(data, nullptr, /*allow_exceptions=*/false);
  if (!event.is_object()) {
    return Error(StatusCode::kDataLoss, "the server sent an event that is not a JSON object: '",
                 Quoted(data), "'");
  }
  if (const Json& error = At(event, "error"); !error.is_null()) {
    return Error(StatusCode::kInternal, "the server ended the answer: ",
                 Quoted(TextAt(error, "message"), kMessageBytesShown));
  }
  AddUsage(At(event, "usage"), &result->stats);
  const Json& choices = At(event, "choices");
  if (!choices.is_array() || choices.empty()) return std::string();
  const Json& choice = choices[0];
  if (const std::string reason = TextAt(choice, "finish_reason"); !reason.empty()) {
    result->stop_reason = ReasonOf(reason);
  }
  std::string text = TextAt(choice, "text") + TextAt(At(choice, "delta"), "content");
  result->text += text;
  return text;
}

Status ErrorOf(const ServerResponse& response) {
  const Json body = Json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  std::string message = TextAt(At(body, "error"), "message");
  if (message.empty()) message = response.body;
  const std::string retry =
      response.retry_after_ms < 0 ? "" : StrCat("; come back in ", response.retry_after_ms, " ms");
  return Error(CodeOf(response.http_status), "the server says ", response.http_status, ": ",
               Quoted(message, kMessageBytesShown), retry);
}

}  // namespace autoglm

// The C ABI: checks of what C cannot express, and translation to and from the C++ interface.
#include "autoglm/c_api.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "autoglm/autoglm.h"
#include "base/status.h"
#include "base/utf8.h"
#include "session/guard.h"

struct autoglm_session {
  std::unique_ptr<autoglm::AutoGLMSession> session;
  autoglm::ModelInfo info;  ///< holds the strings of autoglm_model_info
  std::mutex mutex;         ///< of what follows
  std::string answer_text;
  std::vector<int32_t> answer_tokens;
  std::string answer_message;
};

namespace {

using namespace autoglm;  // NOLINT: this file is the border between the two

static_assert(AUTOGLM_INTERNAL == static_cast<int>(StatusCode::kInternal));
static_assert(AUTOGLM_DEVICE_NPU == static_cast<int>(DeviceType::kNPU));
static_assert(AUTOGLM_QUALITY_INT4 == static_cast<int>(Quality::kInt4));
static_assert(AUTOGLM_KV_Q8_0 == static_cast<int>(KvType::kQ8_0));
static_assert(AUTOGLM_CONTEXT_DROP_OLDEST == static_cast<int>(ContextPolicy::kDropOldest));
static_assert(AUTOGLM_STOP_ERROR == static_cast<int>(StopReason::kError));
static_assert(AUTOGLM_DELTA_CALL_END == static_cast<int>(ChatDelta::Kind::kCallEnd));
static_assert(AUTOGLM_LOG_ERROR == static_cast<int>(LogLevel::kError));

autoglm_status Report(const Status& status, autoglm_error* error) {
  const auto code = static_cast<autoglm_status>(status.code());
  if (error == nullptr) return code;
  // An older program's struct may have a shorter message.
  constexpr size_t kHead = offsetof(autoglm_error, message);
  if (error->struct_size <= kHead) return code;
  error->code = code;
  const size_t room = std::min(error->struct_size, sizeof(autoglm_error)) - kHead - 1;
  std::string_view message = status.message();
  if (message.size() > room) {
    message = message.substr(0, room);
    message = message.substr(0, CompleteUtf8Prefix(message));
  }
  std::memcpy(error->message, message.data(), message.size());
  error->message[message.size()] = '\0';
  return code;
}

/// Runs `function` with every exception caught.
template <typename F>
autoglm_status Call(autoglm_error* error, F&& function) {
  try {
    return Report(Guard(std::forward<F>(function)), error);
  } catch (...) {  // no memory even for the message
    return AUTOGLM_RESOURCE_EXHAUSTED;
  }
}

Status NullArgument(const char* name) {
  return Error(StatusCode::kInvalidArgument, name, " is null");
}

std::string OrEmpty(const char* text) { return text == nullptr ? "" : text; }

/// A copy of the caller's struct in which what the caller's version does not have is as in
/// `defaults`. kInvalidArgument where struct_size was not set.
template <typename T>
Result<T> ReadStruct(const T* given, const T& defaults, const char* name) {
  T out = defaults;
  if (given == nullptr) return out;
  if (given->struct_size < sizeof(size_t) || given->struct_size > 65536) {
    return Error(StatusCode::kInvalidArgument, name, ": struct_size is ", given->struct_size,
                 "; set it up with autoglm_", name, "_init");
  }
  std::memcpy(&out, given, std::min(given->struct_size, sizeof(T)));
  return out;
}

/// The reverse: writes as much as the caller's version holds.
template <typename T>
Status WriteStruct(T value, T* out, const char* name) {
  if (out == nullptr) return OkStatus();
  if (out->struct_size < sizeof(size_t) || out->struct_size > 65536) {
    return Error(StatusCode::kInvalidArgument, name, ": struct_size is ", out->struct_size,
                 "; set it up with autoglm_", name, "_init");
  }
  value.struct_size = out->struct_size;
  std::memcpy(out, &value, std::min(out->struct_size, sizeof(T)));
  return OkStatus();
}

template <typename T>
autoglm_status InitStruct(const T& defaults, T* out, size_t struct_size) {
  if (out == nullptr || struct_size < sizeof(size_t) || struct_size > 65536) {
    return AUTOGLM_INVALID_ARGUMENT;
  }
  std::memset(out, 0, struct_size);
  std::memcpy(out, &defaults, std::min(struct_size, sizeof(T)));
  out->struct_size = struct_size;
  return AUTOGLM_OK;
}

autoglm_config DefaultConfig() {
  const AutoGLMConfig config;
  autoglm_config out = {};
  out.struct_size = sizeof(out);
  out.batch_size = config.batch_size();
  return out;
}

autoglm_generate_options ToC(const GenerateOptions& options) {
  autoglm_generate_options out = {};
  out.struct_size = sizeof(out);
  out.max_tokens = options.max_tokens;
  out.temperature = options.temperature;
  out.top_k = options.top_k;
  out.top_p = options.top_p;
  out.min_p = options.min_p;
  out.typical_p = options.typical_p;
  out.repetition_penalty = options.repetition_penalty;
  out.presence_penalty = options.presence_penalty;
  out.frequency_penalty = options.frequency_penalty;
  out.penalty_last_n = options.penalty_last_n;
  out.add_special = options.add_special;
  out.jump_ahead = options.jump_ahead;
  const ChatOptions chat;
  out.parallel_tool_calls = chat.parallel_tool_calls;
  out.split_reasoning = chat.split_reasoning;
  return out;
}

Result<AutoGLMConfig> FromC(const autoglm_config* given) {
  AUTOGLM_ASSIGN_OR_RETURN(const autoglm_config c, ReadStruct(given, DefaultConfig(), "config"));
  AutoGLMConfig config;
  config.set_device(static_cast<DeviceType>(c.device))
      .set_quantization(static_cast<Quality>(c.quality))
      .set_quantization_name(OrEmpty(c.quantization_name))
      .set_weight_memory(static_cast<WeightMemory>(c.weight_memory))
      .set_n_threads(c.n_threads)
      .set_n_ctx(c.n_ctx)
      .set_kv_type(static_cast<KvType>(c.kv_type))
      .set_batch_size(c.batch_size)
      .set_memory_limit_bytes(c.memory_limit_bytes);
  if (c.log_callback != nullptr) {
    config.set_log_callback(
        [callback = c.log_callback, user = c.log_user](LogLevel level, std::string_view message) {
          callback(user, static_cast<int32_t>(level), std::string(message).c_str());
        });
  }
  if (c.progress_callback != nullptr) {
    config.set_progress_callback([callback = c.progress_callback, user = c.progress_user](
                                     int64_t done, int64_t total) { callback(user, done, total); });
  }
  return config;
}

Result<ChatOptions> FromC(const autoglm_generate_options* given) {
  AUTOGLM_ASSIGN_OR_RETURN(const autoglm_generate_options c,
                           ReadStruct(given, ToC(GenerateOptions()), "generate_options"));
  if (c.logit_bias == nullptr && c.n_logit_bias > 0) return NullArgument("logit_bias");
  if (c.stop == nullptr && c.n_stop > 0) return NullArgument("stop");
  if (c.context_policy < 0 || c.context_policy > AUTOGLM_CONTEXT_DROP_OLDEST) {
    return Error(StatusCode::kInvalidArgument, "context_policy is ", c.context_policy);
  }
  ChatOptions options;
  options.max_tokens = c.max_tokens;
  options.temperature = c.temperature;
  options.top_k = c.top_k;
  options.top_p = c.top_p;
  options.min_p = c.min_p;
  options.typical_p = c.typical_p;
  options.repetition_penalty = c.repetition_penalty;
  options.presence_penalty = c.presence_penalty;
  options.frequency_penalty = c.frequency_penalty;
  options.penalty_last_n = c.penalty_last_n;
  for (size_t i = 0; i < c.n_logit_bias; ++i) {
    options.logit_bias.emplace_back(c.logit_bias[i].token, c.logit_bias[i].bias);
  }
  if (c.has_seed != 0) options.seed = c.seed;
  for (size_t i = 0; i < c.n_stop; ++i) options.stop.push_back(OrEmpty(c.stop[i]));
  options.ignore_eos = c.ignore_eos != 0;
  options.add_special = c.add_special != 0;
  options.parse_special = c.parse_special != 0;
  options.keep_special = c.keep_special != 0;
  options.context_policy = static_cast<ContextPolicy>(c.context_policy);
  options.n_keep = c.n_keep;
  options.tools_json = OrEmpty(c.tools_json);
  options.template_variables_json = OrEmpty(c.template_variables_json);
  if (c.tool_choice != nullptr) options.tool_choice = c.tool_choice;
  options.parallel_tool_calls = c.parallel_tool_calls != 0;
  options.split_reasoning = c.split_reasoning != 0;
  options.grammar = OrEmpty(c.grammar);
  options.json_schema = OrEmpty(c.json_schema);
  options.jump_ahead = c.jump_ahead != 0;
  return options;
}

Result<std::vector<ChatMessage>> FromC(const autoglm_message* messages, size_t n_messages) {
  if (messages == nullptr && n_messages > 0) return NullArgument("messages");
  std::vector<ChatMessage> out;
  for (size_t i = 0; i < n_messages; ++i) {
    if (messages[i].role == nullptr) return NullArgument("role of a message");
    out.push_back(
        {messages[i].role, OrEmpty(messages[i].content), OrEmpty(messages[i].extra_json)});
  }
  return out;
}

autoglm_result ToC(const GenerateResult& result) {
  autoglm_result out = {};
  out.struct_size = sizeof(out);
  out.stop_reason = static_cast<int32_t>(result.stop_reason);
  out.seed = result.seed;
  out.n_prompt_tokens = result.stats.n_prompt_tokens;
  out.n_cached_tokens = result.stats.n_cached_tokens;
  out.n_tokens = result.stats.n_tokens;
  out.ttft_ms = result.stats.ttft_ms;
  out.prefill_tok_s = result.stats.prefill_tok_s;
  out.decode_tok_s = result.stats.decode_tok_s;
  out.total_ms = result.stats.total_ms;
  out.load_ms = result.stats.load_ms;
  out.peak_rss_bytes = result.stats.peak_rss_bytes;
  out.n_jumped_tokens = result.stats.n_jumped_tokens;
  return out;
}

autoglm_model_info ToC(const ModelInfo& info) {
  autoglm_model_info out = {};
  out.struct_size = sizeof(out);
  out.path = info.path.c_str();
  out.architecture = info.architecture.c_str();
  out.name = info.name.c_str();
  out.device = info.device.c_str();
  out.n_parameters = info.n_parameters;
  out.weight_bytes = info.weight_bytes;
  out.kv_bytes = info.kv_bytes;
  out.workspace_bytes = info.workspace_bytes;
  out.n_ctx = info.n_ctx;
  out.max_position_embeddings = info.max_position_embeddings;
  out.vocab_size = info.vocab_size;
  out.hidden_size = info.hidden_size;
  out.num_hidden_layers = info.num_hidden_layers;
  out.num_attention_heads = info.num_attention_heads;
  out.num_key_value_heads = info.num_key_value_heads;
  out.n_threads = info.n_threads;
  out.has_tokenizer = info.has_tokenizer;
  out.has_chat_template = info.has_chat_template;
  out.task = info.task.c_str();
  return out;
}

TextCallback FromC(autoglm_text_callback callback, void* user) {
  if (callback == nullptr) return nullptr;
  return [callback, user](std::string_view text) {
    return callback(user, text.data(), text.size()) != 0;
  };
}

DeltaCallback FromC(autoglm_delta_callback delta_callback, void* delta_user,
                    autoglm_text_callback text_callback, void* text_user) {
  return [=](const ChatDelta& delta) {
    const autoglm_delta c = {sizeof(c),
                             static_cast<int32_t>(delta.kind),
                             delta.text.data(),
                             delta.text.size(),
                             delta.call_index,
                             delta.call_id.data(),
                             delta.call_id.size(),
                             delta.complete};
    if (delta_callback != nullptr && delta_callback(delta_user, &c) == 0) return false;
    if (text_callback == nullptr || delta.kind != ChatDelta::Kind::kContent) return true;
    return text_callback(text_user, delta.text.data(), delta.text.size()) != 0;
  };
}

std::string MessageJson(const GenerateResult& result) {
  using Json = nlohmann::ordered_json;
  const ChatMessage message = AnswerMessage(result);
  Json json = {{"role", message.role}, {"content", message.content}};
  if (!message.extra_json.empty()) json.update(Json::parse(message.extra_json));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// `options` -> `answer(session, options)` -> `result`.
template <typename F>
Status Answer(autoglm_session* session, const autoglm_generate_options* options,
              autoglm_result* result, F&& answer) {
  if (session == nullptr) return NullArgument("session");
  AUTOGLM_ASSIGN_OR_RETURN(const ChatOptions cpp_options, FromC(options));
  AUTOGLM_RETURN_IF_ERROR(WriteStruct(autoglm_result{}, result, "result"));
  AUTOGLM_ASSIGN_OR_RETURN(GenerateResult answered, answer(*session->session, cpp_options));
  AUTOGLM_RETURN_IF_ERROR(WriteStruct(ToC(answered), result, "result"));
  const std::lock_guard lock(session->mutex);
  session->answer_message = MessageJson(answered);
  session->answer_text = std::move(answered.text);
  session->answer_tokens = std::move(answered.tokens);
  return OkStatus();
}

template <typename Container, typename T>
Status CopyOut(const Container& values, T* out, size_t capacity, size_t* n) {
  if (n == nullptr) return NullArgument("n");
  *n = values.size();
  if (out == nullptr) return OkStatus();
  if (capacity < values.size()) {
    return Error(StatusCode::kOutOfRange, "a buffer for ", capacity, " was given, and there are ",
                 values.size());
  }
  std::copy(values.begin(), values.end(), out);
  return OkStatus();
}

Result<std::span<const int32_t>> Tokens(const int32_t* tokens, size_t n_tokens) {
  if (tokens == nullptr && n_tokens > 0) return NullArgument("tokens");
  return std::span<const int32_t>(tokens, n_tokens);
}

}  // namespace

extern "C" {

const char* autoglm_version(void) { return autoglm::Version(); }
int32_t autoglm_abi_version(void) { return AUTOGLM_ABI_VERSION; }

const char* autoglm_status_name(autoglm_status status) {
  return StatusCodeName(static_cast<StatusCode>(status));
}

const char* autoglm_stop_reason_name(int32_t stop_reason) {
  return StopReasonName(static_cast<StopReason>(stop_reason));
}

autoglm_status autoglm_config_init(autoglm_config* config, size_t struct_size) {
  return InitStruct(DefaultConfig(), config, struct_size);
}

autoglm_status autoglm_generate_options_init(autoglm_generate_options* options,
                                             size_t struct_size) {
  return InitStruct(ToC(GenerateOptions()), options, struct_size);
}

autoglm_status autoglm_result_init(autoglm_result* result, size_t struct_size) {
  return InitStruct(autoglm_result{}, result, struct_size);
}

autoglm_status autoglm_model_info_init(autoglm_model_info* info, size_t struct_size) {
  return InitStruct(autoglm_model_info{}, info, struct_size);
}

autoglm_status autoglm_session_create(const autoglm_config* config, autoglm_session** session,
                                      autoglm_error* error) {
  return Call(error, [&]() -> Status {
    if (session == nullptr) return NullArgument("session");
    *session = nullptr;
    AUTOGLM_ASSIGN_OR_RETURN(const AutoGLMConfig cpp_config, FromC(config));
    auto created = std::make_unique<autoglm_session>();
    created->session = AutoGLMSession::Create(cpp_config);
    *session = created.release();
    return OkStatus();
  });
}

autoglm_status autoglm_session_destroy(autoglm_session* session) {
  delete session;
  return AUTOGLM_OK;
}

autoglm_status autoglm_session_load_model(autoglm_session* session, const char* path,
                                          autoglm_error* error) {
  return Call(error, [&]() -> Status {
    if (session == nullptr) return NullArgument("session");
    if (path == nullptr) return NullArgument("path");
    AUTOGLM_RETURN_IF_ERROR(session->session->LoadModel(path));
    AUTOGLM_ASSIGN_OR_RETURN(session->info, session->session->Info());
    return OkStatus();
  });
}

autoglm_status autoglm_session_model_info(autoglm_session* session, autoglm_model_info* info,
                                          autoglm_error* error) {
  return Call(error, [&]() -> Status {
    if (session == nullptr) return NullArgument("session");
    if (info == nullptr) return NullArgument("info");
    AUTOGLM_RETURN_IF_ERROR(session->session->status());
    return WriteStruct(ToC(session->info), info, "model_info");
  });
}

autoglm_status autoglm_session_default_options(autoglm_session* session,
                                               autoglm_generate_options* options,
                                               autoglm_error* error) {
  return Call(error, [&]() -> Status {
    if (session == nullptr) return NullArgument("session");
    if (options == nullptr) return NullArgument("options");
    AUTOGLM_ASSIGN_OR_RETURN(const GenerateOptions defaults, session->session->DefaultOptions());
    return WriteStruct(ToC(defaults), options, "generate_options");
  });
}

autoglm_status autoglm_session_generate(autoglm_session* session, const char* prompt,
                                        size_t n_bytes, const autoglm_generate_options* options,
                                        autoglm_text_callback callback, void* user,
                                        autoglm_result* result, autoglm_error* error) {
  return Call(error, [&]() -> Status {
    if (prompt == nullptr && n_bytes > 0) return NullArgument("prompt");
    return Answer(session, options, result, [&](AutoGLMSession& s, const ChatOptions& o) {
      return s.Generate({prompt, n_bytes}, o, FromC(callback, user));
    });
  });
}

autoglm_status autoglm_session_generate_from_tokens(autoglm_session* session, const int32_t* tokens,
                                                    size_t n_tokens,
                                                    const autoglm_generate_options* options,
                                                    autoglm_text_callback callback, void* user,
                                                    autoglm_result* result, autoglm_error* error) {
  return Call(error, [&]() -> Status {
    AUTOGLM_ASSIGN_OR_RETURN(const std::span<const int32_t> prompt, Tokens(tokens, n_tokens));
    return Answer(session, options, result, [&](AutoGLMSession& s, const ChatOptions& o) {
      return s.GenerateFromTokens(prompt, o, FromC(callback, user));
    });
  });
}

autoglm_status autoglm_session_chat(autoglm_session* session, const autoglm_message* messages,
                                    size_t n_messages, const autoglm_generate_options* options,
                                    autoglm_text_callback callback, void* user,
                                    autoglm_result* result, autoglm_error* error) {
  return Call(error, [&]() -> Status {
    AUTOGLM_ASSIGN_OR_RETURN(const std::vector<ChatMessage> cpp_messages,
                             FromC(messages, n_messages));
    AUTOGLM_ASSIGN_OR_RETURN(const autoglm_generate_options c,
                             ReadStruct(options, ToC(GenerateOptions()), "generate_options"));
    return Answer(session, options, result, [&](AutoGLMSession& s, const ChatOptions& o) {
      return s.Chat(cpp_messages, o, FromC(c.delta_callback, c.delta_user, callback, user));
    });
  });
}

autoglm_status autoglm_session_cancel(autoglm_session* session) {
  if (session == nullptr) return AUTOGLM_INVALID_ARGUMENT;
  session->session->Cancel();
  return AUTOGLM_OK;
}

autoglm_status autoglm_session_answer_text(autoglm_session* session, char* text, size_t capacity,
                                           size_t* n, autoglm_error* error) {
  return Call(error, [&]() -> Status {
    if (session == nullptr) return NullArgument("session");
    const std::lock_guard lock(session->mutex);
    return CopyOut(session->answer_text, text, capacity, n);
  });
}

autoglm_status autoglm_session_answer_tokens(autoglm_session* session, int32_t* tokens,
                                             size_t capacity, size_t* n, autoglm_error* error) {
  return Call(error, [&]() -> Status {
    if (session == nullptr) return NullArgument("session");
    const std::lock_guard lock(session->mutex);
    return CopyOut(session->answer_tokens, tokens, capacity, n);
  });
}

autoglm_status autoglm_session_answer_message(autoglm_session* session, char* json, size_t capacity,
                                              size_t* n, autoglm_error* error) {
  return Call(error, [&]() -> Status {
    if (session == nullptr) return NullArgument("session");
    const std::lock_guard lock(session->mutex);
    return CopyOut(session->answer_message, json, capacity, n);
  });
}

autoglm_status autoglm_session_tokenize(autoglm_session* session, const char* text, size_t n_bytes,
                                        int32_t add_special, int32_t parse_special, int32_t* tokens,
                                        size_t capacity, size_t* n, autoglm_error* error) {
  return Call(error, [&]() -> Status {
    if (session == nullptr) return NullArgument("session");
    if (text == nullptr && n_bytes > 0) return NullArgument("text");
    AUTOGLM_ASSIGN_OR_RETURN(
        const std::vector<int32_t> ids,
        session->session->Tokenize({text, n_bytes}, add_special != 0, parse_special != 0));
    return CopyOut(ids, tokens, capacity, n);
  });
}

autoglm_status autoglm_session_detokenize(autoglm_session* session, const int32_t* tokens,
                                          size_t n_tokens, int32_t keep_special, char* text,
                                          size_t capacity, size_t* n, autoglm_error* error) {
  return Call(error, [&]() -> Status {
    if (session == nullptr) return NullArgument("session");
    AUTOGLM_ASSIGN_OR_RETURN(const std::span<const int32_t> ids, Tokens(tokens, n_tokens));
    AUTOGLM_ASSIGN_OR_RETURN(const std::string bytes,
                             session->session->Detokenize(ids, keep_special != 0));
    return CopyOut(bytes, text, capacity, n);
  });
}

autoglm_status autoglm_session_logits(autoglm_session* session, const int32_t* tokens,
                                      size_t n_tokens, autoglm_logits_callback callback, void* user,
                                      autoglm_error* error) {
  return Call(error, [&]() -> Status {
    if (session == nullptr) return NullArgument("session");
    if (callback == nullptr) return NullArgument("callback");
    AUTOGLM_ASSIGN_OR_RETURN(const std::span<const int32_t> ids, Tokens(tokens, n_tokens));
    return session->session->Logits(ids, [&](int position, std::span<const float> logits) {
      return callback(user, position, logits.data(), logits.size()) != 0;
    });
  });
}

}  // extern "C"

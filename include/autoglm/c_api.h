/* AutoGLM Mobile: language models on the device. The C interface, for other languages.
 *
 * - Every function that can fail returns an autoglm_status and, where it has an `error` argument
 *   that is not null, fills it. Nothing throws, and nothing but a null session, or an object that
 *   was destroyed, is undefined.
 * - A struct that may grow begins with its size. Set it up by its _init function with sizeof, so
 *   that programs and libraries of different versions agree.
 * - Text is UTF-8. Text that comes in is given with its length and may hold any bytes; null is
 *   permitted where the length is 0. Text that goes out into a callback is not terminated by 0.
 * - What autoglm.h says of threads and of each call holds here too.
 */
#ifndef AUTOGLM_C_API_H_
#define AUTOGLM_C_API_H_

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(AUTOGLM_SHARED)
#define AUTOGLM_API __declspec(dllexport)
#elif defined(__GNUC__)
#define AUTOGLM_API __attribute__((visibility("default")))
#else
#define AUTOGLM_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when a function or struct changes so that old programs no longer work. */
#define AUTOGLM_ABI_VERSION 1

typedef int32_t autoglm_status;
enum {
  AUTOGLM_OK = 0,
  AUTOGLM_INVALID_ARGUMENT = 1,
  AUTOGLM_NOT_FOUND = 2,
  AUTOGLM_PERMISSION_DENIED = 3,
  AUTOGLM_DATA_LOSS = 4,
  AUTOGLM_UNIMPLEMENTED = 5,
  AUTOGLM_RESOURCE_EXHAUSTED = 6,
  AUTOGLM_FAILED_PRECONDITION = 7,
  AUTOGLM_OUT_OF_RANGE = 8,
  AUTOGLM_CANCELLED = 9,
  AUTOGLM_IO_ERROR = 10,
  AUTOGLM_INTERNAL = 11
};

enum {
  AUTOGLM_DEVICE_AUTO = 0,
  AUTOGLM_DEVICE_CPU = 1,
  AUTOGLM_DEVICE_GPU = 2,
  AUTOGLM_DEVICE_NPU = 3
};
enum {
  AUTOGLM_QUALITY_AS_STORED = 0,
  AUTOGLM_QUALITY_FP32 = 1,
  AUTOGLM_QUALITY_FP16 = 2,
  AUTOGLM_QUALITY_BF16 = 3,
  AUTOGLM_QUALITY_INT8 = 4,
  AUTOGLM_QUALITY_INT4 = 5
};
enum { AUTOGLM_WEIGHTS_AUTO = 0, AUTOGLM_WEIGHTS_MAPPED = 1, AUTOGLM_WEIGHTS_COPIED = 2 };
enum { AUTOGLM_KV_F16 = 0, AUTOGLM_KV_F32 = 1, AUTOGLM_KV_Q8_0 = 2 };
enum { AUTOGLM_CONTEXT_STOP = 0, AUTOGLM_CONTEXT_DROP_OLDEST = 1 };
enum {
  AUTOGLM_STOP_NONE = 0,
  AUTOGLM_STOP_END_OF_GENERATION = 1,
  AUTOGLM_STOP_STRING = 2,
  AUTOGLM_STOP_LENGTH = 3,
  AUTOGLM_STOP_CONTEXT_FULL = 4,
  AUTOGLM_STOP_CANCELLED = 5,
  AUTOGLM_STOP_ERROR = 6
};
enum {
  AUTOGLM_LOG_DEBUG = 0,
  AUTOGLM_LOG_INFO = 1,
  AUTOGLM_LOG_WARNING = 2,
  AUTOGLM_LOG_ERROR = 3
};

/* Owned by the caller. AUTOGLM_ERROR_INIT sets it up; a call that succeeds clears it. */
typedef struct autoglm_error {
  size_t struct_size;
  autoglm_status code;
  char message[1012]; /* ends with 0; cut at a character's end where it is too long */
} autoglm_error;
#define AUTOGLM_ERROR_INIT                   \
  {                                          \
    sizeof(autoglm_error), AUTOGLM_OK, { 0 } \
  }

/* The message ends with 0 and is valid during the call only. From any thread. */
typedef void (*autoglm_log_callback)(void* user, int32_t level, const char* message);
typedef void (*autoglm_progress_callback)(void* user, int64_t done_bytes, int64_t total_bytes);
/* A piece of the answer: whole characters. 0 cancels. */
typedef int (*autoglm_text_callback)(void* user, const char* text, size_t n_bytes);
/* The logits after the token at `position`. 0 cancels. */
typedef int (*autoglm_logits_callback)(void* user, int32_t position, const float* logits,
                                       size_t vocab_size);

/* AutoGLMConfig. Strings and callbacks are read by autoglm_session_create only; callbacks are
 * called as long as the session lives. */
typedef struct autoglm_config {
  size_t struct_size;
  int32_t device;                /* AUTOGLM_DEVICE_... */
  int32_t quality;               /* AUTOGLM_QUALITY_... */
  const char* quantization_name; /* a file type as "q4_k_m", before `quality`; or null */
  int32_t n_threads;             /* 0: all that may be used */
  int32_t n_ctx;                 /* 0: the model's, at most 4096 */
  int32_t kv_type;               /* AUTOGLM_KV_... */
  int32_t batch_size;
  int64_t memory_limit_bytes; /* 0: what the system has free */
  autoglm_log_callback log_callback;
  void* log_user;
  autoglm_progress_callback progress_callback;
  void* progress_user;
  int32_t weight_memory; /* AUTOGLM_WEIGHTS_... */
} autoglm_config;

enum {
  AUTOGLM_DELTA_CONTENT = 0,
  AUTOGLM_DELTA_REASONING = 1,
  AUTOGLM_DELTA_CALL_BEGIN = 2,
  AUTOGLM_DELTA_ARGUMENTS = 3,
  AUTOGLM_DELTA_CALL_END = 4
};

/* ChatDelta. Valid during the call only; texts are not terminated by 0. */
typedef struct autoglm_delta {
  size_t struct_size;
  int32_t kind; /* AUTOGLM_DELTA_... */
  const char* text;
  size_t n_bytes;
  int32_t call_index; /* -1: of no call */
  const char* call_id;
  size_t n_call_id_bytes;
  int32_t complete; /* with CALL_END */
} autoglm_delta;

/* 0 cancels. */
typedef int32_t (*autoglm_delta_callback)(void* user, const autoglm_delta* delta);

typedef struct autoglm_logit_bias {
  int32_t token;
  float bias;
} autoglm_logit_bias;

/* GenerateOptions and ChatOptions. */
typedef struct autoglm_generate_options {
  size_t struct_size;
  int32_t max_tokens; /* -1: no limit */
  float temperature;
  int32_t top_k;
  float top_p;
  float min_p;
  float typical_p;
  float repetition_penalty;
  float presence_penalty;
  float frequency_penalty;
  int32_t penalty_last_n;
  const autoglm_logit_bias* logit_bias;
  size_t n_logit_bias;
  int32_t has_seed; /* 0: take a random seed */
  uint64_t seed;
  const char* const* stop; /* [n_stop], each ends with 0 */
  size_t n_stop;
  int32_t ignore_eos;
  int32_t add_special;
  int32_t parse_special;
  int32_t keep_special;
  int32_t context_policy; /* AUTOGLM_CONTEXT_... */
  int32_t n_keep;
  const char* tools_json;                /* chat only; or null */
  const char* template_variables_json;   /* chat only; or null */
  const char* grammar;                   /* GBNF, "autoglm" or "json"; or null */
  const char* json_schema;               /* instead of a grammar; or null */
  int32_t jump_ahead;                    /* 1: text that a grammar forces is computed at once */
  const char* tool_choice;               /* chat only: auto, none, required, a name; null: auto */
  int32_t parallel_tool_calls;           /* chat only; 1 */
  int32_t split_reasoning;               /* chat only; 1: reasoning is no part of the text */
  autoglm_delta_callback delta_callback; /* chat only: gets every piece of the answer; or null */
  void* delta_user;
} autoglm_generate_options;

typedef struct autoglm_message {
  const char* role;
  const char* content;
  const char* extra_json; /* or null */
} autoglm_message;

/* GenerateResult and GenerateStats; the text and tokens: autoglm_session_answer_text, _tokens. */
typedef struct autoglm_result {
  size_t struct_size;
  int32_t stop_reason; /* AUTOGLM_STOP_... */
  uint64_t seed;
  int32_t n_prompt_tokens;
  int32_t n_cached_tokens;
  int32_t n_tokens;
  double ttft_ms;
  double prefill_tok_s;
  double decode_tok_s;
  double total_ms;
  double load_ms;
  int64_t peak_rss_bytes;
  int32_t n_jumped_tokens;
} autoglm_result;

/* ModelInfo. Strings live until the session loads another model or is destroyed. */
typedef struct autoglm_model_info {
  size_t struct_size;
  const char* path;
  const char* architecture;
  const char* name;
  const char* device;
  int64_t n_parameters;
  int64_t weight_bytes;
  int64_t kv_bytes;
  int64_t workspace_bytes;
  int32_t n_ctx;
  int32_t max_position_embeddings;
  int32_t vocab_size;
  int32_t hidden_size;
  int32_t num_hidden_layers;
  int32_t num_attention_heads;
  int32_t num_key_value_heads;
  int32_t n_threads;
  int32_t has_tokenizer;
  int32_t has_chat_template;
  const char* task; /* what the model was made for: "phone_actions"; or "" */
} autoglm_model_info;

typedef struct autoglm_session autoglm_session;

/* "0.1.0"; AUTOGLM_ABI_VERSION of the library; names, never null. */
AUTOGLM_API const char* autoglm_version(void);
AUTOGLM_API int32_t autoglm_abi_version(void);
AUTOGLM_API const char* autoglm_status_name(autoglm_status status);
AUTOGLM_API const char* autoglm_stop_reason_name(int32_t stop_reason);

/* Defaults for a struct of `struct_size` bytes. AUTOGLM_INVALID_ARGUMENT for null, or a size that
 * does not even hold struct_size. */
AUTOGLM_API autoglm_status autoglm_config_init(autoglm_config* config, size_t struct_size);
AUTOGLM_API autoglm_status autoglm_generate_options_init(autoglm_generate_options* options,
                                                         size_t struct_size);
AUTOGLM_API autoglm_status autoglm_result_init(autoglm_result* result, size_t struct_size);
AUTOGLM_API autoglm_status autoglm_model_info_init(autoglm_model_info* info, size_t struct_size);

/* `config` may be null for the defaults. Destroying null does nothing. */
AUTOGLM_API autoglm_status autoglm_session_create(const autoglm_config* config,
                                                  autoglm_session** session, autoglm_error* error);
AUTOGLM_API autoglm_status autoglm_session_destroy(autoglm_session* session);

AUTOGLM_API autoglm_status autoglm_session_load_model(autoglm_session* session, const char* path,
                                                      autoglm_error* error);
AUTOGLM_API autoglm_status autoglm_session_model_info(autoglm_session* session,
                                                      autoglm_model_info* info,
                                                      autoglm_error* error);
/* What the model's author recommends, over an initialized struct. */
AUTOGLM_API autoglm_status autoglm_session_default_options(autoglm_session* session,
                                                           autoglm_generate_options* options,
                                                           autoglm_error* error);

/* `options`, `callback` and `result` may be null. A cancelled call succeeds. */
AUTOGLM_API autoglm_status autoglm_session_generate(autoglm_session* session, const char* prompt,
                                                    size_t n_bytes,
                                                    const autoglm_generate_options* options,
                                                    autoglm_text_callback callback, void* user,
                                                    autoglm_result* result, autoglm_error* error);
AUTOGLM_API autoglm_status autoglm_session_generate_from_tokens(
    autoglm_session* session, const int32_t* tokens, size_t n_tokens,
    const autoglm_generate_options* options, autoglm_text_callback callback, void* user,
    autoglm_result* result, autoglm_error* error);
AUTOGLM_API autoglm_status autoglm_session_chat(autoglm_session* session,
                                                const autoglm_message* messages, size_t n_messages,
                                                const autoglm_generate_options* options,
                                                autoglm_text_callback callback, void* user,
                                                autoglm_result* result, autoglm_error* error);
/* From any thread. */
AUTOGLM_API autoglm_status autoglm_session_cancel(autoglm_session* session);

/* These five set `*n` to what there is, and copy it where `capacity` suffices. With a null buffer
 * they only count; with one that is too small they copy nothing and return AUTOGLM_OUT_OF_RANGE.
 * Text is not terminated by 0. The first three: of the last answer that succeeded. */
AUTOGLM_API autoglm_status autoglm_session_answer_text(autoglm_session* session, char* text,
                                                       size_t capacity, size_t* n,
                                                       autoglm_error* error);
AUTOGLM_API autoglm_status autoglm_session_answer_tokens(autoglm_session* session, int32_t* tokens,
                                                         size_t capacity, size_t* n,
                                                         autoglm_error* error);
/* The last answer as the assistant's message in JSON: {"role", "content", "reasoning_content",
 * "tool_calls"}, the last two where there are such. The same object, less its role and content, is
 * the extra_json with which the next request repeats it. */
AUTOGLM_API autoglm_status autoglm_session_answer_message(autoglm_session* session, char* json,
                                                          size_t capacity, size_t* n,
                                                          autoglm_error* error);
AUTOGLM_API autoglm_status autoglm_session_tokenize(autoglm_session* session, const char* text,
                                                    size_t n_bytes, int32_t add_special,
                                                    int32_t parse_special, int32_t* tokens,
                                                    size_t capacity, size_t* n,
                                                    autoglm_error* error);
AUTOGLM_API autoglm_status autoglm_session_detokenize(autoglm_session* session,
                                                      const int32_t* tokens, size_t n_tokens,
                                                      int32_t keep_special, char* text,
                                                      size_t capacity, size_t* n,
                                                      autoglm_error* error);

AUTOGLM_API autoglm_status autoglm_session_logits(autoglm_session* session, const int32_t* tokens,
                                                  size_t n_tokens, autoglm_logits_callback callback,
                                                  void* user, autoglm_error* error);

#ifdef __cplusplus
}
#endif

#endif /* AUTOGLM_C_API_H_ */

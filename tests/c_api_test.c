/* The C interface as a C program uses it: every function, with errors always, and with a model
 * where the external test data is there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autoglm/c_api.h"

static int n_failures = 0;

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      ++n_failures;                                                   \
    }                                                                 \
  } while (0)

typedef struct answer {
  char text[4096];
  size_t n_bytes;
  int n_pieces;
  int stop_after;             /* pieces; 0: never */
  autoglm_session* to_cancel; /* or null */
} answer;

static int collect(void* user, const char* text, size_t n_bytes) {
  answer* a = user;
  if (a->n_bytes + n_bytes < sizeof(a->text)) memcpy(a->text + a->n_bytes, text, n_bytes);
  a->n_bytes += n_bytes;
  ++a->n_pieces;
  if (a->to_cancel != NULL) CHECK(autoglm_session_cancel(a->to_cancel) == AUTOGLM_OK);
  return a->stop_after == 0 || a->n_pieces < a->stop_after;
}

static int count_positions(void* user, int32_t position, const float* logits, size_t vocab_size) {
  int32_t* next = user;
  CHECK(position == *next);
  CHECK(vocab_size == 512);
  CHECK(logits[0] == logits[0]);
  ++*next;
  return 1;
}

static int stop_at_once(void* user, int32_t position, const float* logits, size_t vocab_size) {
  (void)user, (void)position, (void)logits, (void)vocab_size;
  return 0;
}

static void count_logs(void* user, int32_t level, const char* message) {
  CHECK(level >= AUTOGLM_LOG_DEBUG && level <= AUTOGLM_LOG_ERROR);
  CHECK(message[0] != '\0');
  ++*(int*)user;
}

static void note_progress(void* user, int64_t done_bytes, int64_t total_bytes) {
  CHECK(done_bytes <= total_bytes);
  *(int64_t*)user = done_bytes;
}

static void test_names(void) {
  CHECK(autoglm_abi_version() == AUTOGLM_ABI_VERSION);
  CHECK(strlen(autoglm_version()) >= 5);
  CHECK(strcmp(autoglm_status_name(AUTOGLM_NOT_FOUND), "NOT_FOUND") == 0);
  CHECK(autoglm_status_name(12345) != NULL);
  CHECK(strcmp(autoglm_stop_reason_name(AUTOGLM_STOP_LENGTH), "length") == 0);
  CHECK(autoglm_stop_reason_name(-1) != NULL);
}

static void test_structs_of_other_versions(void) {
  /* A program that knows only the first members. */
  struct {
    size_t struct_size;
    int32_t device;
    int32_t quality;
    unsigned char after[64];
  } old;
  memset(&old, 0x5A, sizeof(old));
  CHECK(autoglm_config_init((autoglm_config*)&old,
                            offsetof(autoglm_config, quality) + sizeof(int32_t)) == AUTOGLM_OK);
  CHECK(old.device == AUTOGLM_DEVICE_AUTO && old.after[0] == 0x5A);
  autoglm_session* session = NULL;
  CHECK(autoglm_session_create((const autoglm_config*)&old, &session, NULL) == AUTOGLM_OK);
  CHECK(autoglm_session_destroy(session) == AUTOGLM_OK);

  autoglm_config config;
  CHECK(autoglm_config_init(NULL, sizeof(config)) == AUTOGLM_INVALID_ARGUMENT);
  CHECK(autoglm_config_init(&config, 2) == AUTOGLM_INVALID_ARGUMENT);
  memset(&config, 0, sizeof(config)); /* not set up */
  autoglm_error error = AUTOGLM_ERROR_INIT;
  CHECK(autoglm_session_create(&config, &session, &error) == AUTOGLM_INVALID_ARGUMENT);
  CHECK(session == NULL);
  CHECK(error.code == AUTOGLM_INVALID_ARGUMENT);
  CHECK(strstr(error.message, "autoglm_config_init") != NULL);

  /* An error of an older version, too small for a whole message. */
  struct {
    size_t struct_size;
    autoglm_status code;
    char message[12];
  } small = {24, 0, {0}};
  CHECK(autoglm_session_create(NULL, NULL, (autoglm_error*)&small) == AUTOGLM_INVALID_ARGUMENT);
  CHECK(small.code == AUTOGLM_INVALID_ARGUMENT);
  CHECK(strlen(small.message) == 11);
}

static void test_errors(void) {
  autoglm_error error = AUTOGLM_ERROR_INIT;
  autoglm_session* session = NULL;
  autoglm_generate_options options;
  autoglm_model_info info;
  size_t n = 0;
  CHECK(autoglm_generate_options_init(&options, sizeof(options)) == AUTOGLM_OK);
  CHECK(autoglm_model_info_init(&info, sizeof(info)) == AUTOGLM_OK);
  CHECK(autoglm_session_destroy(NULL) == AUTOGLM_OK);
  CHECK(autoglm_session_cancel(NULL) == AUTOGLM_INVALID_ARGUMENT);
  CHECK(autoglm_session_load_model(NULL, "x", &error) == AUTOGLM_INVALID_ARGUMENT);

  CHECK(autoglm_session_create(NULL, &session, &error) == AUTOGLM_OK);
  CHECK(error.code == AUTOGLM_OK && error.message[0] == '\0');
  CHECK(autoglm_session_load_model(session, NULL, &error) == AUTOGLM_INVALID_ARGUMENT);
  CHECK(autoglm_session_generate(session, "a", 1, NULL, NULL, NULL, NULL, &error) ==
        AUTOGLM_FAILED_PRECONDITION);
  CHECK(autoglm_session_model_info(session, &info, NULL) == AUTOGLM_FAILED_PRECONDITION);
  CHECK(autoglm_session_default_options(session, &options, NULL) == AUTOGLM_FAILED_PRECONDITION);
  CHECK(autoglm_session_tokenize(session, "a", 1, 1, 0, NULL, 0, &n, NULL) ==
        AUTOGLM_FAILED_PRECONDITION);

  CHECK(autoglm_session_load_model(session, "/no/such/model", &error) == AUTOGLM_NOT_FOUND);
  CHECK(strstr(error.message, "/no/such/model") != NULL);
  CHECK(autoglm_session_generate(session, "a", 1, &options, NULL, NULL, NULL, &error) ==
        AUTOGLM_NOT_FOUND);
  CHECK(autoglm_session_generate(session, NULL, 1, NULL, NULL, NULL, NULL, &error) ==
        AUTOGLM_INVALID_ARGUMENT);
  options.n_stop = 1;
  CHECK(autoglm_session_generate(session, "a", 1, &options, NULL, NULL, NULL, &error) ==
        AUTOGLM_INVALID_ARGUMENT);
  CHECK(autoglm_session_generate_from_tokens(session, NULL, 3, NULL, NULL, NULL, NULL, &error) ==
        AUTOGLM_INVALID_ARGUMENT);
  CHECK(autoglm_session_chat(session, NULL, 1, NULL, NULL, NULL, NULL, &error) ==
        AUTOGLM_INVALID_ARGUMENT);
  CHECK(autoglm_session_logits(session, NULL, 0, NULL, NULL, &error) == AUTOGLM_INVALID_ARGUMENT);
  CHECK(autoglm_session_answer_text(session, NULL, 0, &n, &error) == AUTOGLM_OK && n == 0);
  CHECK(autoglm_session_answer_text(session, NULL, 0, NULL, &error) == AUTOGLM_INVALID_ARGUMENT);
  CHECK(autoglm_session_destroy(session) == AUTOGLM_OK);
}

/* The path of `name` in the external test data, or null. */
static const char* test_data(const char* name) {
  static char path[4096];
  const char* root = getenv("AUTOGLM_TEST_DATA");
  snprintf(path, sizeof(path), "%s/%s", root ? root : AUTOGLM_SOURCE_DIR "/../shared/data", name);
  FILE* file = fopen(path, "rb");
  if (file == NULL) return NULL;
  fclose(file);
  return path;
}

static void test_answers(autoglm_session* session) {
  static const char kStory[] = ", there was a little girl named Lily.";
  autoglm_error error = AUTOGLM_ERROR_INIT;
  autoglm_generate_options options;
  autoglm_result result;
  autoglm_generate_options_init(&options, sizeof(options));
  CHECK(autoglm_result_init(&result, sizeof(result)) == AUTOGLM_OK);
  options.temperature = 0;
  options.max_tokens = 20;

  answer a = {0};
  CHECK(autoglm_session_generate(session, "Once upon a time", 16, &options, collect, &a, &result,
                                 &error) == AUTOGLM_OK);
  CHECK(a.n_bytes >= strlen(kStory) && memcmp(a.text, kStory, strlen(kStory)) == 0);
  CHECK(result.stop_reason == AUTOGLM_STOP_LENGTH);
  CHECK(result.n_prompt_tokens == 5 && result.n_tokens == 20);
  CHECK(result.ttft_ms > 0 && result.decode_tok_s > 0 && result.load_ms > 0);
  CHECK(result.total_ms >= result.ttft_ms && result.peak_rss_bytes > 0);

  char text[4096];
  char message_json[4096];
  int32_t tokens[64];
  size_t n = 0;
  CHECK(autoglm_session_answer_text(session, NULL, 0, &n, &error) == AUTOGLM_OK);
  CHECK(n == a.n_bytes);
  CHECK(autoglm_session_answer_text(session, text, n - 1, &n, &error) == AUTOGLM_OUT_OF_RANGE);
  CHECK(autoglm_session_answer_text(session, text, sizeof(text), &n, &error) == AUTOGLM_OK);
  CHECK(memcmp(text, a.text, n) == 0);
  CHECK(autoglm_session_answer_tokens(session, tokens, 64, &n, &error) == AUTOGLM_OK);
  CHECK(n == 20 && tokens[0] == 432 && tokens[1] == 383);

  /* A stop string, a bias and a seed. */
  const char* const stop[] = {"girl"};
  options.stop = stop;
  options.n_stop = 1;
  a = (answer){0};
  CHECK(autoglm_session_generate(session, "Once upon a time", 16, &options, collect, &a, &result,
                                 &error) == AUTOGLM_OK);
  CHECK(result.stop_reason == AUTOGLM_STOP_STRING && result.n_cached_tokens == 4);
  CHECK(a.n_bytes == strlen(", there was a little "));
  options.n_stop = 0;
  const autoglm_logit_bias bias[] = {{432, -100}};
  options.logit_bias = bias;
  options.n_logit_bias = 1;
  options.temperature = 1;
  options.has_seed = 1;
  options.seed = 7;
  CHECK(autoglm_session_generate(session, "Once upon a time", 16, &options, NULL, NULL, &result,
                                 &error) == AUTOGLM_OK);
  CHECK(result.seed == 7);
  CHECK(autoglm_session_answer_tokens(session, tokens, 64, &n, &error) == AUTOGLM_OK);
  CHECK(n >= 1 && tokens[0] != 432);
  CHECK(autoglm_session_answer_message(session, message_json, sizeof(message_json), &n, &error) ==
        AUTOGLM_OK);
  CHECK(n > 30 && memcmp(message_json, "{\"role\":\"assistant\",\"content\":\"", 31) == 0);

  /* Cancelled by the callback, and by the other function. */
  a = (answer){.stop_after = 2};
  CHECK(autoglm_session_generate(session, "Once", 4, &options, collect, &a, &result, &error) ==
        AUTOGLM_OK);
  CHECK(result.stop_reason == AUTOGLM_STOP_CANCELLED && a.n_pieces == 2);
  a = (answer){.to_cancel = session};
  CHECK(autoglm_session_generate(session, "Once", 4, &options, collect, &a, &result, &error) ==
        AUTOGLM_OK);
  CHECK(result.stop_reason == AUTOGLM_STOP_CANCELLED && a.n_pieces == 1);

  options.top_p = 2;
  CHECK(autoglm_session_generate(session, "Once", 4, &options, NULL, NULL, NULL, &error) ==
        AUTOGLM_OUT_OF_RANGE);
  CHECK(strstr(error.message, "top_p") != NULL);
  const autoglm_message message = {"user", "hello", NULL};
  CHECK(autoglm_session_chat(session, &message, 1, NULL, collect, &a, &result, &error) ==
        AUTOGLM_FAILED_PRECONDITION); /* this model has no chat template */
}

static void test_tokens(autoglm_session* session) {
  autoglm_error error = AUTOGLM_ERROR_INIT;
  autoglm_generate_options options;
  int32_t tokens[16];
  char text[64];
  size_t n = 0;
  CHECK(autoglm_session_tokenize(session, "Once upon a time", 16, 1, 0, NULL, 0, &n, &error) ==
        AUTOGLM_OK);
  CHECK(n == 5);
  CHECK(autoglm_session_tokenize(session, "Once upon a time", 16, 1, 0, tokens, 16, &n, &error) ==
        AUTOGLM_OK);
  CHECK(tokens[0] == 1 && tokens[4] == 378);
  CHECK(autoglm_session_detokenize(session, tokens, n, 0, text, sizeof(text), &n, &error) ==
        AUTOGLM_OK);
  CHECK(n == 16 && memcmp(text, "Once upon a time", 16) == 0);

  autoglm_generate_options_init(&options, sizeof(options));
  CHECK(autoglm_session_default_options(session, &options, &error) == AUTOGLM_OK);
  options.temperature = 0;
  options.max_tokens = 1;
  CHECK(autoglm_session_generate_from_tokens(session, tokens, 5, &options, NULL, NULL, NULL,
                                             &error) == AUTOGLM_OK);
  int32_t first = 0;
  CHECK(autoglm_session_answer_tokens(session, &first, 1, &n, &error) == AUTOGLM_OK);
  CHECK(first == 432);

  int32_t next = 0;
  CHECK(autoglm_session_logits(session, tokens, 5, count_positions, &next, &error) == AUTOGLM_OK);
  CHECK(next == 5);
  CHECK(autoglm_session_logits(session, tokens, 5, stop_at_once, NULL, &error) ==
        AUTOGLM_CANCELLED);
}

static void test_with_model(const char* path) {
  autoglm_error error = AUTOGLM_ERROR_INIT;
  autoglm_config config;
  autoglm_model_info info;
  autoglm_session* session = NULL;
  int n_logs = 0;
  int64_t n_loaded = 0;
  CHECK(autoglm_config_init(&config, sizeof(config)) == AUTOGLM_OK);
  config.device = AUTOGLM_DEVICE_GPU; /* falls back, and says so */
  config.kv_type = AUTOGLM_KV_F32;
  config.n_threads = 2;
  config.n_ctx = 256;
  config.log_callback = count_logs;
  config.log_user = &n_logs;
  config.progress_callback = note_progress;
  config.progress_user = &n_loaded;
  CHECK(autoglm_session_create(&config, &session, &error) == AUTOGLM_OK);
  if (session == NULL) return;
  CHECK(autoglm_session_load_model(session, path, &error) == AUTOGLM_OK);
  CHECK(error.message[0] == '\0');
  CHECK(n_logs >= 1);
  CHECK(n_loaded > 0);
  autoglm_model_info_init(&info, sizeof(info));
  CHECK(autoglm_session_model_info(session, &info, &error) == AUTOGLM_OK);
  if (error.code == AUTOGLM_OK) {
    CHECK(strcmp(info.architecture, "llama") == 0 && strcmp(info.path, path) == 0);
    CHECK(info.vocab_size == 512 && info.n_ctx == 256 && info.has_tokenizer == 1);
    CHECK(strcmp(info.task, "") == 0);
    test_answers(session);
    test_tokens(session);
  }
  CHECK(autoglm_session_destroy(session) == AUTOGLM_OK);
}

int main(void) {
  test_names();
  test_structs_of_other_versions();
  test_errors();
  const char* model = test_data("models/stories260K.gguf");
  if (model != NULL) {
    test_with_model(model);
  } else {
    fprintf(stderr, "no external test data: only errors were tested\n");
  }
  if (n_failures > 0) fprintf(stderr, "%d checks failed\n", n_failures);
  return n_failures > 0;
}

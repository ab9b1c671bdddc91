// AutoGLM Mobile: language models on the device. The C++ interface.
//
//   auto config = AutoGLMConfig();
//   auto session = AutoGLMSession::Create(config);
//   session->LoadModel("model.gguf");
//   auto answer = session->Generate("Once upon a time", {.max_tokens = 100});
//
// Nothing here throws. Failures are a Status, or a Result<T> that holds one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autoglm/chat.h"
#include "autoglm/generation.h"
#include "autoglm/log.h"
#include "autoglm/status.h"

namespace autoglm {

/// The library's version: "0.1.0".
const char* Version();

/// Where to compute. A device that this build or this machine lacks is replaced by the CPU, with
/// the reason in the log.
enum class DeviceType : int { kAuto = 0, kCPU = 1, kGPU = 2, kNPU = 3 };

/// How weights are held. What a model file stores in a quantized form stays as it is;
/// full-precision weights are converted while they are loaded.
enum class Quality : int {
  kAsStored = 0,
  kFp32 = 1,
  kFp16 = 2,
  kBf16 = 3,
  kInt8 = 4,  ///< 8.5 bits for each weight
  kInt4 = 5,  ///< 4.5 bits for most weights
};

/// Where weights lie that stay as the file stores them: in the mapped file, which processes share
/// and the system can drop, or copied into large pages, which are about a tenth faster to read.
enum class WeightMemory : int {
  kAuto = 0,  ///< kCopied where there are large pages and memory for twice the model
  kMapped = 1,
  kCopied = 2,
};

/// How the cache holds the keys and values of tokens read and written.
enum class KvType : int { kF16 = 0, kF32 = 1, kQ8_0 = 2 };

/// How a session is made. A plain value; what is wrong in it is reported by LoadModel.
class AutoGLMConfig {
 public:
  /// The most bytes of weights read so far, and of all; called on the thread of LoadModel.
  using ProgressCallback = std::function<void(int64_t done_bytes, int64_t total_bytes)>;

  AutoGLMConfig& set_device(DeviceType device) { return device_ = device, *this; }
  AutoGLMConfig& set_quantization(Quality quality) { return quality_ = quality, *this; }
  /// Overrides set_quantization by the name of a file type, as "q4_k_m"; "" does not.
  AutoGLMConfig& set_quantization_name(std::string name) {
    return quantization_name_ = std::move(name), *this;
  }
  AutoGLMConfig& set_weight_memory(WeightMemory place) { return weight_memory_ = place, *this; }
  /// 0: every core that this process may use.
  AutoGLMConfig& set_n_threads(int n_threads) { return n_threads_ = n_threads, *this; }
  /// Tokens of prompt and answer together. 0: what the model was trained for, at most
  /// kDefaultContext. More than it was trained for is permitted, with a warning in the log.
  AutoGLMConfig& set_n_ctx(int n_ctx) { return n_ctx_ = n_ctx, *this; }
  AutoGLMConfig& set_kv_type(KvType type) { return kv_type_ = type, *this; }
  /// The most tokens of a prompt that are read at once: more is faster and takes more memory; a
  /// cancelled call returns when those being read are done.
  AutoGLMConfig& set_batch_size(int n_tokens) { return batch_size_ = n_tokens, *this; }
  /// A model that needs more memory than this is refused. 0: what the system has free.
  AutoGLMConfig& set_memory_limit_bytes(int64_t bytes) {
    return memory_limit_bytes_ = bytes, *this;
  }
  AutoGLMConfig& set_log_callback(LogCallback callback) {
    return log_callback_ = std::move(callback), *this;
  }
  AutoGLMConfig& set_progress_callback(ProgressCallback callback) {
    return progress_callback_ = std::move(callback), *this;
  }

  DeviceType device() const { return device_; }
  Quality quantization() const { return quality_; }
  const std::string& quantization_name() const { return quantization_name_; }
  WeightMemory weight_memory() const { return weight_memory_; }
  int n_threads() const { return n_threads_; }
  int n_ctx() const { return n_ctx_; }
  KvType kv_type() const { return kv_type_; }
  int batch_size() const { return batch_size_; }
  int64_t memory_limit_bytes() const { return memory_limit_bytes_; }
  const LogCallback& log_callback() const { return log_callback_; }
  const ProgressCallback& progress_callback() const { return progress_callback_; }

  static constexpr int kDefaultContext = 4096;

 private:
  DeviceType device_ = DeviceType::kAuto;
  Quality quality_ = Quality::kAsStored;
  std::string quantization_name_;
  WeightMemory weight_memory_ = WeightMemory::kAuto;
  int n_threads_ = 0;
  int n_ctx_ = 0;
  KvType kv_type_ = KvType::kF16;
  int batch_size_ = 512;
  int64_t memory_limit_bytes_ = 0;
  LogCallback log_callback_;
  ProgressCallback progress_callback_;
};

/// How an answer is written. Names and meanings as with OpenAI and Hugging Face; the defaults draw
/// from the model's own distribution. AutoGLMSession::DefaultOptions has what a model recommends.
struct GenerateOptions {
  static constexpr int kNoLimit = -1;

  /// kNoLimit (until the model ends its answer or the context is full), or above 0.
  int max_tokens = kNoLimit;

  float temperature = 1;  ///< 0: always the likeliest token
  int32_t top_k = 0;      ///< keep the k likeliest tokens; 0: all
  float top_p = 1;        ///< keep the likeliest tokens with this mass; 1: all
  float min_p = 0;        ///< keep tokens this many times as likely as the likeliest; 0: all
  float typical_p = 1;    ///< keep the most typical tokens with this mass; 1: all
  float repetition_penalty = 1;
  float presence_penalty = 0;
  float frequency_penalty = 0;
  int32_t penalty_last_n = -1;  ///< tokens that penalties look at, prompt included; -1: all
  std::vector<std::pair<int32_t, float>> logit_bias = {};  ///< token id, added to its logit
  /// The same seed gives the same text. Without one a random one is taken, and reported.
  std::optional<uint64_t> seed = std::nullopt;

  std::vector<std::string> stop = {};  ///< texts that end the answer; no part of one is ever shown
  bool ignore_eos = false;             ///< go on after a token that ends an answer
  bool add_special = true;             ///< begin the prompt as the model wants it (BOS)
  bool parse_special = false;          ///< read control tokens that are written out in the prompt
  bool keep_special = false;           ///< show control tokens in the answer's text

  ContextPolicy context_policy = ContextPolicy::kStop;
  int n_keep = 0;  ///< with kDropOldest: tokens at the start that are never dropped

  /// What the whole answer must match: GBNF (docs/structured-output.md), or the name of a built-in
  /// grammar: "autoglm", "json". Empty: anything. The answer ends where nothing else may follow.
  std::string grammar = {};
  /// The same by a JSON Schema: the answer is a JSON value that is valid against it. Not both.
  std::string json_schema = {};
  /// Text that a grammar forces is computed at once. Without, token by token: the same answer.
  bool jump_ahead = true;
};

/// One message of a conversation.
struct ChatMessage {
  std::string role;  ///< "system", "user", "assistant", "tool" ...
  std::string content;
  /// Further fields, as a JSON object, or empty: an earlier answer's {"tool_calls": [...],
  /// "reasoning_content": "..."}, a result's {"tool_call_id": "..."}, as with OpenAI, and whatever
  /// else the model's template reads.
  std::string extra_json = {};
};

/// Always read with parse_special and without add_special: the template writes what is needed.
struct ChatOptions : GenerateOptions {
  std::string tools_json = {};  ///< a JSON array of tools as with OpenAI, or empty
  /// "auto": the model decides; "none"; "required": it must call one; or the name of the one.
  std::string tool_choice = "auto";
  bool parallel_tool_calls = true;  ///< more than one call in an answer, where the model can
  /// Reasoning goes into GenerateResult::reasoning. False: it stays in the text, with its marks.
  bool split_reasoning = true;
  /// Variables of the template as a JSON object: {"enable_thinking": false}; or empty.
  std::string template_variables_json = {};
  bool add_generation_prompt = true;
};

struct GenerateStats {
  int n_prompt_tokens = 0;
  int n_cached_tokens = 0;     ///< of the prompt, still computed from the call before
  int n_tokens = 0;            ///< of the answer
  int n_jumped_tokens = 0;     ///< of them, those that a grammar forced and that took no step
  double ttft_ms = 0;          ///< from the call to the first token
  double prefill_tok_s = 0;    ///< prompt tokens computed in a second, up to the first token
  double decode_tok_s = 0;     ///< tokens in a second after the first; 0 where there is only one
  double total_ms = 0;         ///< from the call to its end
  double load_ms = 0;          ///< of LoadModel
  int64_t peak_rss_bytes = 0;  ///< the most memory this process ever held; 0 where unknown
};

struct GenerateResult {
  std::string text;                  ///< valid UTF-8; of Chat the content alone
  std::string reasoning;             ///< of Chat: what the model wrote between <think> and </think>
  std::vector<ToolCall> tool_calls;  ///< of Chat
  std::vector<int32_t> tokens;       ///< every token chosen, one that ends the answer included
  StopReason stop_reason = StopReason::kNone;
  Status status;  ///< where stop_reason is kContextFull: the figures; else OK
  uint64_t seed = 0;
  GenerateStats stats;
};

/// The answer as a message of the conversation, with its reasoning and its complete calls: what the
/// next call of Chat gets before the results ({"tool", text, {"tool_call_id": ...}}).
ChatMessage AnswerMessage(const GenerateResult& result);

struct ModelInfo {
  std::string path;
  std::string architecture;  ///< "llama"
  std::string name;          ///< may be empty
  int64_t n_parameters = 0;
  int64_t weight_bytes = 0;
  int64_t decode_weight_bytes = 0;  ///< of them, read for each token that is written
  int64_t kv_bytes = 0;             ///< of the cache, for n_ctx tokens
  int64_t workspace_bytes = 0;
  int n_ctx = 0;                    ///< of this session
  int max_position_embeddings = 0;  ///< that the model was trained for
  int vocab_size = 0;
  int hidden_size = 0;
  int num_hidden_layers = 0;
  int num_attention_heads = 0;
  int num_key_value_heads = 0;
  std::string device;  ///< what computes: "cpu"
  int n_threads = 0;
  bool has_tokenizer = false;
  bool has_chat_template = false;
  /// What the model was made for, where that is one thing: "phone_actions" answers with one action
  /// (action.h), to which Chat holds it. Empty: anything. Source: autoglm.task.
  std::string task;
  std::vector<std::pair<std::string, int64_t>> stored_types;  ///< "q4_k", number of such tensors
};

/// Called with each piece of text as it becomes whole (never empty, valid UTF-8; the view is valid
/// during the call only), on the thread of the call that writes the answer. False cancels.
using TextCallback = std::function<bool(std::string_view text)>;

/// The same with each piece of an answer of Chat: reasoning, content, calls of tools as they come.
using DeltaCallback = std::function<bool(const ChatDelta& delta)>;

/// Called with the logits [vocab_size] that follow the token at `position`. False cancels.
using LogitsCallback = std::function<bool(int position, std::span<const float> logits)>;

/// One model, and one text that it reads and writes. Any thread may call. Generate, Chat and Logits
/// run one at a time (another one meanwhile fails with kFailedPrecondition); const calls may run
/// beside them, Cancel at any time, and LoadModel beside nothing but Cancel.
///
/// Errors that every call but LoadModel may return: kFailedPrecondition (no model is loaded, or a
/// call is under way), the status of a failed LoadModel, kResourceExhausted (memory).
class AutoGLMSession {
 public:
  /// Never null.
  static std::unique_ptr<AutoGLMSession> Create(const AutoGLMConfig& config = AutoGLMConfig());
  AutoGLMSession(const AutoGLMSession&) = delete;
  AutoGLMSession& operator=(const AutoGLMSession&) = delete;
  /// No call may be under way.
  ~AutoGLMSession();

  /// Loads a GGUF file or a Hugging Face folder, known by its content, in place of the model
  /// before. The status stays (see status()) and is what later calls return, so it may be ignored
  /// here. kNotFound, kPermissionDenied, kDataLoss (damaged), kInvalidArgument (not a model, or a
  /// wrong config), kUnimplemented (a model of a kind unknown to this library), kResourceExhausted.
  const Status& LoadModel(const std::string& path);
  /// Of the last LoadModel; kFailedPrecondition before.
  const Status& status() const;

  /// Continues `prompt`. What of it is still computed from the call before is not computed again.
  /// A cancelled call returns what was written until then. kInvalidArgument (an empty prompt, where
  /// the model adds no token of its own), kOutOfRange (an option), kResourceExhausted (the prompt
  /// is longer than the context), kFailedPrecondition (a model without a tokenizer). For a grammar
  /// or schema also kInvalidArgument (what is wrong and where), kUnimplemented (the JSON pointer of
  /// a keyword of JSON Schema that is not supported), kResourceExhausted (too large).
  Result<GenerateResult> Generate(std::string_view prompt, const GenerateOptions& options = {},
                                  const TextCallback& callback = nullptr);
  /// The same for a prompt of token ids. A model without a tokenizer gives tokens and no text.
  Result<GenerateResult> GenerateFromTokens(std::span<const int32_t> prompt,
                                            const GenerateOptions& options = {},
                                            const TextCallback& callback = nullptr);
  /// Answers a conversation, laid out by the model's own chat template, and takes the answer apart.
  /// As Generate; also kFailedPrecondition where the model has no template, kInvalidArgument where
  /// the template refuses the messages, a JSON text is none, or tools and messages are not as with
  /// OpenAI (the message begins with the field). `callback` gets the content.
  Result<GenerateResult> Chat(const std::vector<ChatMessage>& messages,
                              const ChatOptions& options = {},
                              const TextCallback& callback = nullptr);
  /// The same, and `callback` gets everything.
  Result<GenerateResult> Chat(const std::vector<ChatMessage>& messages, const ChatOptions& options,
                              const DeltaCallback& callback);
  /// The text that Chat would have read.
  Result<std::string> RenderChat(const std::vector<ChatMessage>& messages,
                                 const ChatOptions& options = {}) const;

  /// Ends the call under way (Generate, Chat, Logits) soon; from any thread. Without one, nothing.
  void Cancel();

  /// What the model's author recommends (temperature, top_k ...); the library's defaults otherwise.
  Result<GenerateOptions> DefaultOptions() const;
  Result<std::vector<int32_t>> Tokenize(std::string_view text, bool add_special = true,
                                        bool parse_special = false) const;
  /// The bytes of `tokens`, which may end inside a UTF-8 character.
  Result<std::string> Detokenize(std::span<const int32_t> tokens, bool keep_special = false) const;
  Result<ModelInfo> Info() const;

  /// The logits after every token. `tokens`: at most Info().n_ctx. kCancelled where the callback
  /// ended it.
  Status Logits(std::span<const int32_t> tokens, const LogitsCallback& callback);

 private:
  struct Impl;
  explicit AutoGLMSession(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace autoglm

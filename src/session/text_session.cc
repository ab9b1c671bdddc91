// See text_session.h.
#include "session/text_session.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "base/utf8.h"
#include "platform/memory.h"
#include "sampling/grammar/builtin.h"
#include "sampling/grammar/json_schema.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMsPerNs = 1e-6;

uint64_t RandomSeed() {
  std::random_device device;
  return static_cast<uint64_t>(device()) << 32 | device();
}

SequenceOptions TranslateOptions(const GenerateOptions& options) {
  SequenceOptions out;
  out.sampling = {.temperature = options.temperature,
                  .top_k = options.top_k,
                  .top_p = options.top_p,
                  .min_p = options.min_p,
                  .typical_p = options.typical_p,
                  .repetition_penalty = options.repetition_penalty,
                  .presence_penalty = options.presence_penalty,
                  .frequency_penalty = options.frequency_penalty,
                  .penalty_last_n = options.penalty_last_n,
                  .logit_bias = options.logit_bias,
                  .seed = options.seed ? *options.seed : RandomSeed()};
  out.max_new_tokens = options.max_tokens;
  out.stop = options.stop;
  out.ignore_eos = options.ignore_eos;
  out.keep_special = options.keep_special;
  out.context_policy = options.context_policy;
  out.n_keep = options.n_keep;
  out.jump_ahead = options.jump_ahead;
  return out;
}

/// JSON of the given kind, or null for an empty text.
Result<Json> ParseJson(std::string_view text, Json::value_t type, const char* what) {
  if (text.empty()) return Json();
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.type() == type) return json;
  return Error(StatusCode::kInvalidArgument, what, " must be a JSON ",
               type == Json::value_t::array ? "array" : "object", ", not ", Quoted(text));
}

Result<Json> ToJson(const std::vector<ChatMessage>& messages) {
  Json out = Json::array();
  for (const ChatMessage& message : messages) {
    // Bytes that are not UTF-8 could not be written as JSON again by a template (tojson).
    Json json = {{"role", ReplaceInvalidUtf8(message.role)},
                 {"content", ReplaceInvalidUtf8(message.content)}};
    AUTOGLM_ASSIGN_OR_RETURN(const Json extra, ParseJson(message.extra_json, Json::value_t::object,
                                                         "extra_json of a message"));
    if (!extra.is_null()) json.update(extra);
    out.push_back(std::move(json));
  }
  return out;
}

/// "auto", "none", "required", or a tool's name, as in OpenAI's API.
Json ToolChoiceJson(const std::string& choice) {
  if (choice == "auto" || choice == "none" || choice == "required") return choice;
  return {{"type", "function"}, {"function", {{"name", ReplaceInvalidUtf8(choice)}}}};
}

void AddDelta(const ChatDelta& delta, GenerateResult* result) {
  switch (delta.kind) {
    case ChatDelta::Kind::kContent:
      result->text += delta.text;
      break;
    case ChatDelta::Kind::kReasoning:
      result->reasoning += delta.text;
      break;
    case ChatDelta::Kind::kCallBegin:
      result->tool_calls.push_back({.id = delta.call_id, .name = delta.text});
      break;
    case ChatDelta::Kind::kArguments:
      result->tool_calls.back().arguments_json += delta.text;
      break;
    case ChatDelta::Kind::kCallEnd:
      result->tool_calls.back().complete = delta.complete;
      break;
  }
}

}  // namespace

TextSession::TextSession(std::unique_ptr<LoadedModel> loaded)
    : loaded_(std::move(loaded)), sequence_(loaded_->engine->NewSequence(loaded_->info.n_ctx)) {}

Result<GenerateResult> TextSession::Generate(std::string_view prompt,
                                             const GenerateOptions& options,
                                             const TextCallback& callback,
                                             const std::atomic<bool>& cancelled) {
  const int64_t call_ns = loaded_->clock->NowNs();
  AUTOGLM_ASSIGN_OR_RETURN(const std::vector<int32_t> tokens,
                           Tokenize(prompt, options.add_special, options.parse_special));
  AUTOGLM_ASSIGN_OR_RETURN(const SequenceOptions translated, ToSequenceOptions(options));
  return Answer(tokens, translated, callback, cancelled, call_ns);
}

Result<GenerateResult> TextSession::GenerateFromTokens(std::span<const int32_t> prompt,
                                                       const GenerateOptions& options,
                                                       const TextCallback& callback,
                                                       const std::atomic<bool>& cancelled) {
  const int64_t call_ns = loaded_->clock->NowNs();
  AUTOGLM_ASSIGN_OR_RETURN(const SequenceOptions translated, ToSequenceOptions(options));
  return Answer(prompt, translated, callback, cancelled, call_ns);
}

Result<SequenceOptions> TextSession::ToSequenceOptions(const GenerateOptions& options) {
  SequenceOptions out = TranslateOptions(options);
  AUTOGLM_ASSIGN_OR_RETURN(out.grammar, GrammarOf(options));
  return out;
}

Result<GenerateResult> TextSession::Answer(std::span<const int32_t> prompt,
                                           const SequenceOptions& options,
                                           const TextCallback& callback,
                                           const std::atomic<bool>& cancelled, int64_t call_ns) {
  GenerateResult result;
  result.seed = options.sampling.seed;
  AUTOGLM_RETURN_IF_ERROR(sequence_->Start(prompt, options));
  AUTOGLM_RETURN_IF_ERROR(Run(callback, cancelled, &result));
  result.stop_reason = sequence_->stop_reason();
  if (result.stop_reason == StopReason::kError) return sequence_->status();
  result.status = sequence_->status();
  result.stats = Stats(call_ns);
  return result;
}

Result<GenerateResult> TextSession::Chat(const std::vector<ChatMessage>& messages,
                                         const ChatOptions& options, const DeltaCallback& callback,
                                         const std::atomic<bool>& cancelled) {
  const int64_t call_ns = loaded_->clock->NowNs();
  AUTOGLM_ASSIGN_OR_RETURN(const Conversation conversation, Prepare(messages, options));
  AUTOGLM_ASSIGN_OR_RETURN(
      const std::vector<int32_t> tokens,
      Tokenize(conversation.prompt, /*add_special=*/false, /*parse_special=*/true));
  SequenceOptions translated = TranslateOptions(options);
  translated.shown_special = conversation.shown_special;
  const bool is_asked = conversation.grammar.gbnf.empty() || !options.grammar.empty();
  AUTOGLM_ASSIGN_OR_RETURN(translated.grammar,
                           is_asked ? GrammarOf(options) : GrammarOf(conversation.grammar));
  AnswerParser parser(conversation.parser);
  GenerateResult parts;
  std::vector<ChatDelta> deltas;
  const auto deliver = [&] {
    bool go_on = true;
    for (const ChatDelta& delta : deltas) {
      AddDelta(delta, &parts);
      go_on = go_on && (!callback || callback(delta));
    }
    deltas.clear();
    return go_on;
  };
  const auto read = [&](std::string_view text) {
    parser.Push(text, &deltas);
    return deliver();
  };
  AUTOGLM_ASSIGN_OR_RETURN(GenerateResult result,
                           Answer(tokens, translated, read, cancelled, call_ns));
  const bool ended = result.stop_reason == StopReason::kEndOfGeneration ||
                     result.stop_reason == StopReason::kStopString;
  parser.Finish(/*cut_off=*/!ended, &deltas);
  deliver();
  result.text = std::move(parts.text);
  result.reasoning = std::move(parts.reasoning);
  result.tool_calls = std::move(parts.tool_calls);
  return result;
}

Result<std::shared_ptr<const Grammar>> TextSession::GrammarOf(const GenerateOptions& options) {
  const bool is_schema = !options.json_schema.empty();
  if (options.grammar.empty() && !is_schema) return std::shared_ptr<const Grammar>();
  if (!options.grammar.empty() && is_schema) {
    return Error(StatusCode::kInvalidArgument,
                 "both grammar and json_schema are given; an answer can be held to one");
  }
  const std::string& source = is_schema ? options.json_schema : options.grammar;
  if (grammar_ != nullptr && grammar_source_ == source) return grammar_;
  Result<std::string> gbnf =
      is_schema ? JsonSchemaToGbnf(source, JsonForm::kWritten) : ResolveGrammar(source);
  if (!gbnf.ok()) return gbnf.status();
  AUTOGLM_ASSIGN_OR_RETURN(grammar_, loaded_->engine->CompileGrammar({.gbnf = std::move(*gbnf)}));
  grammar_source_ = source;
  return grammar_;
}

Result<std::shared_ptr<const Grammar>> TextSession::GrammarOf(const GrammarSpec& spec) {
  std::string source = spec.gbnf;
  for (const GrammarTrigger& trigger : spec.triggers) source += StrCat("# ", trigger.text, "\n");
  if (grammar_ != nullptr && grammar_source_ == source) return grammar_;
  AUTOGLM_ASSIGN_OR_RETURN(grammar_, loaded_->engine->CompileGrammar(spec));
  grammar_source_ = std::move(source);
  return grammar_;
}

Status TextSession::Run(const TextCallback& callback, const std::atomic<bool>& cancelled,
                        GenerateResult* result) {
  Sequence* const sequences[] = {sequence_.get()};
  const StepOutput& output = sequence_->output();
  while (sequence_->active()) {
    if (cancelled.load(std::memory_order_relaxed)) {
      sequence_->Cancel();
    } else {
      AUTOGLM_RETURN_IF_ERROR(
          loaded_->engine->Step(sequences, {.max_tokens = loaded_->batch_size}).status());
    }
    if (output.token.id >= 0) result->tokens.push_back(output.token.id);
    result->tokens.insert(result->tokens.end(), output.forced.begin(), output.forced.end());
    if (output.text.empty()) continue;
    result->text += output.text;
    if (callback && !callback(output.text)) {
      sequence_->Cancel();  // what was held back is text, too, though nobody listens any more
      result->text += sequence_->stop_reason() == StopReason::kCancelled ? output.text : "";
    }
  }
  return OkStatus();
}

GenerateStats TextSession::Stats(int64_t call_ns) const {
  const SequenceTimings& timings = sequence_->timings();
  GenerateStats stats;
  stats.n_prompt_tokens = sequence_->n_prompt();
  stats.n_cached_tokens = sequence_->n_cached();
  stats.n_tokens = sequence_->n_generated();
  stats.n_jumped_tokens = sequence_->n_jumped();
  stats.total_ms = static_cast<double>(loaded_->clock->NowNs() - call_ns) * kMsPerNs;
  stats.load_ms = loaded_->load_ms;
  stats.peak_rss_bytes = PeakRssBytes();
  if (stats.n_tokens == 0) return stats;
  const int64_t prefill_ns = timings.first_token_ns - timings.start_ns;
  const int64_t decode_ns = timings.last_token_ns - timings.first_token_ns;
  stats.ttft_ms = static_cast<double>(timings.first_token_ns - call_ns) * kMsPerNs;
  if (prefill_ns > 0) {
    stats.prefill_tok_s =
        (stats.n_prompt_tokens - stats.n_cached_tokens) * 1e9 / static_cast<double>(prefill_ns);
  }
  if (decode_ns > 0) {
    stats.decode_tok_s = (stats.n_tokens - 1) * 1e9 / static_cast<double>(decode_ns);
  }
  return stats;
}

Result<Conversation> TextSession::Prepare(const std::vector<ChatMessage>& messages,
                                          const ChatOptions& options) const {
  if (!loaded_->chat_template) return loaded_->chat_status;
  if (!loaded_->conversation_format) return loaded_->tokenizer_status;
  AUTOGLM_ASSIGN_OR_RETURN(
      const Json variables,
      ParseJson(options.template_variables_json, Json::value_t::object, "template_variables_json"));
  AUTOGLM_ASSIGN_OR_RETURN(const Json message_list, ToJson(messages));
  AUTOGLM_ASSIGN_OR_RETURN(const Json tools,
                           ParseJson(options.tools_json, Json::value_t::array, "tools_json"));
  const Json choice = ToolChoiceJson(options.tool_choice);
  Json schema;
  if (!options.json_schema.empty()) {
    schema = Json::parse(options.json_schema, nullptr, /*allow_exceptions=*/false);
    if (schema.is_discarded()) return Error(StatusCode::kInvalidArgument, "json_schema is no JSON");
  }
  if (!options.grammar.empty() && !(options.json_schema.empty() && tools.empty())) {
    return Error(StatusCode::kInvalidArgument, "a grammar is given together with ",
                 tools.empty() ? "json_schema" : "tools", "; an answer can be held to one of them");
  }
  ConversationRequest request;
  if (!options.json_schema.empty()) request.content_schema = &schema;
  request.messages = &message_list;
  request.tools = &tools;
  request.tool_choice = &choice;
  request.parallel_tool_calls = options.parallel_tool_calls;
  if (!variables.is_null()) request.variables = &variables;
  request.add_generation_prompt = options.add_generation_prompt;
  request.splits_reasoning = options.split_reasoning;
  request.id_seed = RandomSeed();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  request.now_unix_s = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  return loaded_->conversation_format->Prepare(request);
}

Result<std::string> TextSession::RenderChat(const std::vector<ChatMessage>& messages,
                                            const ChatOptions& options) const {
  AUTOGLM_ASSIGN_OR_RETURN(Conversation conversation, Prepare(messages, options));
  return std::move(conversation.prompt);
}

Result<std::vector<int32_t>> TextSession::Tokenize(std::string_view text, bool add_special,
                                                   bool parse_special) const {
  if (loaded_->tokenizer == nullptr) return loaded_->tokenizer_status;
  return loaded_->tokenizer->Encode(text,
                                    {.add_special = add_special, .parse_special = parse_special});
}

Result<std::string> TextSession::Detokenize(std::span<const int32_t> tokens,
                                            bool keep_special) const {
  if (loaded_->tokenizer == nullptr) return loaded_->tokenizer_status;
  return loaded_->tokenizer->Decode(tokens, keep_special);
}

Status TextSession::Logits(std::span<const int32_t> tokens, const LogitsCallback& callback,
                           const std::atomic<bool>& cancelled) {
  const size_t n_ctx = loaded_->info.n_ctx;
  if (tokens.size() > n_ctx) {
    return Error(StatusCode::kResourceExhausted, "logits of ", tokens.size(),
                 " tokens are asked for, and the context has ", n_ctx);
  }
  sequence_->DropCache();  // its pages are needed
  return loaded_->engine->ForEachLogits(tokens, 0, [&](int position, const Tensor& logits) {
    for (int64_t row = 0; row < logits.rows(); ++row, ++position) {
      const std::span<const float> values(logits.f32_row(row), logits.cols());
      if (cancelled.load(std::memory_order_relaxed) || (callback && !callback(position, values))) {
        return Error(StatusCode::kCancelled, "cancelled after position ", position);
      }
    }
    return OkStatus();
  });
}

}  // namespace autoglm

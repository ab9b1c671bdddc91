#include "apps/autoglm/session_source.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/autoglm/output.h"
#include "apps/autoglm/progress.h"
#include "autoglm/action.h"
#include "base/str.h"

namespace autoglm {

namespace {

// `bar` must outlive the loading.
AutoGLMConfig MakeConfig(const ModelOptions& options, ProgressBar* bar) {
  AutoGLMConfig config;
  config.set_n_threads(options.n_threads)
      .set_n_ctx(options.n_ctx)
      .set_quantization_name(options.quantize)
      .set_weight_memory(options.weights == "mapped"   ? WeightMemory::kMapped
                         : options.weights == "copied" ? WeightMemory::kCopied
                                                       : WeightMemory::kAuto)
      .set_kv_type(options.kv_type == "q8_0"  ? KvType::kQ8_0
                   : options.kv_type == "f32" ? KvType::kF32
                                              : KvType::kF16)
      .set_progress_callback([bar](int64_t done, int64_t total) { bar->Update(done, total); });
  return config;
}

}  // namespace

Result<std::unique_ptr<AutoGLMSession>> OpenSession(const ModelOptions& options, bool verbose) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::string path, FindModel(options.model));
  ProgressBar bar("loading");
  AutoGLMConfig config = MakeConfig(options, &bar);
  config.set_log_callback([log = StderrLogger(verbose)](LogLevel level, std::string_view message) {
    log.Log(level, message);
  });
  std::unique_ptr<AutoGLMSession> session = AutoGLMSession::Create(config);
  AUTOGLM_RETURN_IF_ERROR(session->LoadModel(path));
  return session;
}

Result<std::unique_ptr<LoadedModel>> OpenLoadedModel(const ModelOptions& options, int n_ctx) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::string path, FindModel(options.model));
  ProgressBar bar("loading");
  AutoGLMConfig config = MakeConfig(options, &bar);
  config.set_n_ctx(n_ctx);
  return LoadModelForSession(path, config, StderrLogger());
}

Result<ChatOptions> MakeChatOptions(const AutoGLMSession& session,
                                    const SamplingOptions& sampling) {
  AUTOGLM_ASSIGN_OR_RETURN(GenerateOptions defaults, session.DefaultOptions());
  ChatOptions options;
  static_cast<GenerateOptions&>(options) = std::move(defaults);
  LayOver(sampling, &options);
  return options;
}

void LayOver(const SamplingOptions& sampling, GenerateOptions* options) {
  const auto lay_over = [](const auto& given, auto* value) {
    if (given) *value = static_cast<std::remove_reference_t<decltype(*value)>>(*given);
  };
  lay_over(sampling.temperature, &options->temperature);
  lay_over(sampling.top_k, &options->top_k);
  lay_over(sampling.top_p, &options->top_p);
  lay_over(sampling.min_p, &options->min_p);
  lay_over(sampling.typical_p, &options->typical_p);
  lay_over(sampling.repetition_penalty, &options->repetition_penalty);
  lay_over(sampling.presence_penalty, &options->presence_penalty);
  lay_over(sampling.frequency_penalty, &options->frequency_penalty);
  if (sampling.seed) options->seed = sampling.seed;
}

nlohmann::ordered_json ActionToJson(std::string_view answer) {
  const Result<Action> action = ParseAction(answer);
  if (!action.ok()) return nullptr;
  return {{"action", action->name},
          {"parameters", nlohmann::ordered_json::parse(action->parameters_json, nullptr, false)}};
}

nlohmann::ordered_json CallToJson(const ToolCall& call) {
  using Json = nlohmann::ordered_json;
  Json arguments = Json::parse(call.arguments_json, nullptr, /*allow_exceptions=*/false);
  if (arguments.is_discarded()) arguments = call.arguments_json;
  return {
      {"id", call.id}, {"name", call.name}, {"arguments", arguments}, {"complete", call.complete}};
}

nlohmann::ordered_json ResultToJson(const GenerateResult& result) {
  const GenerateStats& stats = result.stats;
  nlohmann::ordered_json json = {{"text", result.text},
                                 {"tokens", result.tokens},
                                 {"n_prompt_tokens", stats.n_prompt_tokens},
                                 {"n_cached_tokens", stats.n_cached_tokens},
                                 {"n_tokens", stats.n_tokens},
                                 {"n_jumped_tokens", stats.n_jumped_tokens},
                                 {"stop_reason", StopReasonName(result.stop_reason)},
                                 {"seed", result.seed},
                                 {"ttft_ms", stats.ttft_ms},
                                 {"prefill_tok_s", stats.prefill_tok_s},
                                 {"tok_s", stats.decode_tok_s},
                                 {"total_ms", stats.total_ms},
                                 {"load_ms", stats.load_ms},
                                 {"peak_rss_bytes", stats.peak_rss_bytes}};
  if (!result.reasoning.empty()) json["reasoning"] = result.reasoning;
  for (const ToolCall& call : result.tool_calls) json["tool_calls"].push_back(CallToJson(call));
  if (!result.status.ok()) json["message"] = result.status.message();
  return json;
}

std::string Summary(const GenerateResult& result) {
  const GenerateStats& stats = result.stats;
  const auto one_decimal = [](double value) { return std::round(value * 10) / 10; };
  return StrCat(stats.n_prompt_tokens, " + ", stats.n_tokens, " tokens, first after ",
                std::round(stats.ttft_ms), " ms, then ", one_decimal(stats.decode_tok_s),
                " tokens/s; peak memory ", FormatBytes(static_cast<uint64_t>(stats.peak_rss_bytes)),
                "; seed ", result.seed);
}

}  // namespace autoglm

// A model loaded as command-line options say: as a session of the public API, or with its parts in
// reach.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/autoglm/options.h"
#include "autoglm/autoglm.h"
#include "session/loaded_model.h"

namespace autoglm {

/// Loads options.model, with a progress bar. `verbose`: everything that is logged goes to stderr.
Result<std::unique_ptr<AutoGLMSession>> OpenSession(const ModelOptions& options, bool verbose);
/// The same for commands that look at logits: a context of n_ctx tokens whatever the options say.
Result<std::unique_ptr<LoadedModel>> OpenLoadedModel(const ModelOptions& options, int n_ctx);

/// Lays what was given over `*options`.
void LayOver(const SamplingOptions& sampling, GenerateOptions* options);
/// What the model's author recommends, with `sampling` laid over it.
Result<ChatOptions> MakeChatOptions(const AutoGLMSession& session, const SamplingOptions& sampling);

/// {"id", "name", "arguments", "complete"}; the arguments as a text where they are not complete.
nlohmann::ordered_json CallToJson(const ToolCall& call);

/// {"text", "tokens", "n_prompt_tokens", "n_tokens", "stop_reason", "ttft_ms", "tok_s", ...};
/// "reasoning" and "tool_calls" where there are such.
nlohmann::ordered_json ResultToJson(const GenerateResult& result);
/// {"action": "SetAlarm", "parameters": {"time": "07:00"}} of an answer that is one, or null.
nlohmann::ordered_json ActionToJson(std::string_view answer);

/// "12 + 64 tokens, first after 31 ms, 45.2 tokens/s".
std::string Summary(const GenerateResult& result);

}  // namespace autoglm

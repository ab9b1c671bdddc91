// See public_prompts.h.
#include "service/public_prompts.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "service/chat_prompt.h"

namespace autoglm {

Result<std::vector<int32_t>> SystemPromptTokens(const HostedModel& model,
                                                const std::string& system_prompt) {
  // What two conversations have in common that differ in what the user says first.
  std::vector<int32_t> tokens[2];
  for (int i = 0; i < 2; ++i) {
    const nlohmann::ordered_json messages = {{{"role", "system"}, {"content", system_prompt}},
                                             {{"role", "user"}, {"content", i == 0 ? "a" : "1"}}};
    AUTOGLM_ASSIGN_OR_RETURN(const std::string text, RenderMessages(model, messages, {}));
    tokens[i] = model.tokenizer().Encode(text, {.add_special = false, .parse_special = true});
  }
  const auto end =
      std::mismatch(tokens[0].begin(), tokens[0].end(), tokens[1].begin(), tokens[1].end()).first;
  tokens[0].erase(end, tokens[0].end());
  return std::move(tokens[0]);
}

void SharePublicPrompts(const std::shared_ptr<HostedModel>& model,
                        const std::vector<std::string>& system_prompts, InferenceLoop& inference,
                        const Logger& log) {
  const std::shared_ptr<ModelLane> lane(model, model->lane.get());
  for (const std::string& prompt : system_prompts) {
    Result<std::vector<int32_t>> tokens = SystemPromptTokens(*model, prompt);
    if (!tokens.ok()) {
      log.Warning("a public prompt is of no use to '", model->name,
                  "': ", tokens.status().message());
      continue;
    }
    GenerationJob job = {.generation = std::make_shared<Generation>(
                             1, [] {}, [] {})};
    job.prompt = std::move(*tokens);
    job.options.max_new_tokens = 1;
    job.options.prefix_domain = PrefixCache::kPublicDomain;
    job.request_class = RequestClass::kBatch;
    if (const ApiError error = lane->Offer(std::move(job)); !error.ok()) {
      log.Warning("a public prompt is not shared by '", model->name, "': ", error.message);
    }
  }
  inference.Activate(lane);
}

}  // namespace autoglm

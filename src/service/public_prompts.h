// Public prompts: beginnings that the operator lets all apps share: computed when a model is
// loaded, so that the first request of each app finds them, and nobody can tell from how fast an
// answer comes what another app has asked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "service/hosted_model.h"
#include "service/inference_loop.h"

namespace autoglm {

/// The tokens that every conversation with this system prompt begins with.
Result<std::vector<int32_t>> SystemPromptTokens(const HostedModel& model,
                                                const std::string& system_prompt);

/// Has `model` read each of `system_prompts`, for everybody. Does not wait for it.
void SharePublicPrompts(const std::shared_ptr<HostedModel>& model,
                        const std::vector<std::string>& system_prompts, InferenceLoop& inference,
                        const Logger& log);

}  // namespace autoglm

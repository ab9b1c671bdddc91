// OpenAI's requests and answers as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "autoglm/autoglm.h"
#include "autoglm/client.h"
#include "base/status.h"

namespace autoglm {

/// The body of a streamed /v1/completions, less "prompt".
Result<nlohmann::ordered_json> CompletionBody(std::string_view model,
                                              const GenerateOptions& options);
/// The body of a streamed /v1/chat/completions.
Result<nlohmann::ordered_json> ChatBody(std::string_view model,
                                        const std::vector<ChatMessage>& messages,
                                        const ChatOptions& options);

/// Takes what one event of a stream adds into `*result` and returns its text. kDataLoss where the
/// event is none; what the server says where it is an error.
Result<std::string> AddEvent(std::string_view data, GenerateResult* result);

/// The Status for an answer whose HTTP status is not 2xx.
Status ErrorOf(const ServerResponse& response);

}  // namespace autoglm

// The prompt of a conversation: OpenAI's messages, checked and laid out by the model's own
// template.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/status.h"
#include "service/fields.h"
#include "service/hosted_model.h"

namespace autoglm {

/// The array `messages`, checked (roles are strings, contents text) and brought into the form that
/// templates know: contents as one string, "developer" as "system". What is wrong goes to `fields`.
nlohmann::ordered_json ReadMessages(Fields& fields, const char* name);

/// A message's content (a string, null, or parts of type text) as one string.
std::string ReadContent(Fields& message, const char* name);

/// The prompt's text. kFailedPrecondition for a model without a template, kInvalidArgument where
/// the template refuses the messages.
Result<std::string> RenderMessages(const HostedModel& model, const nlohmann::ordered_json& messages,
                                   const nlohmann::ordered_json& template_variables);

/// RenderMessages as token ids, with errors that name `field`.
ApiError TokenizeMessages(const HostedModel& model, const nlohmann::ordered_json& messages,
                          const nlohmann::ordered_json& template_variables, const char* field,
                          std::vector<int32_t>* prompt);

}  // namespace autoglm

// TemplateTraits: what a chat template can say of tools, and how it wants to be told, found out by
// rendering small conversations with it.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "chat/call_syntax.h"
#include "text/chat_template.h"

namespace autoglm {

struct TemplateTraits {
  /// How tools reach the prompt.
  enum class Tools {
    kVariable,       ///< the template shows its variable `tools`
    kSystemMessage,  ///< it shows `tools` of a system message (glm-4-9b-chat)
    kText,           ///< it does not: a system message must say it in words
  };
  /// How an earlier call reaches the prompt.
  enum class Calls {
    kToolCalls,  ///< `tool_calls` of the assistant's message
    kMetadata,   ///< the name as `metadata`, the arguments as content (GLM-4)
    kText,       ///< it does not: the content must hold the call as the model writes it
  };
  /// The role whose messages hold results of calls.
  enum class Results { kTool, kObservation, kUser };

  Tools tools = Tools::kText;
  Calls calls = Calls::kText;
  Results results = Results::kUser;
  bool string_arguments = false;  ///< kToolCalls: arguments as a text, not as an object
  bool null_content = false;      ///< kToolCalls: a call without text has content null, not ""
  bool system_role = true;        ///< false: the first user message must hold the system message
};

/// `variables`: what every rendering needs (bos_token, eos_token). Some ten renderings.
TemplateTraits ProbeTemplate(const ChatTemplate& chat_template, const CallSyntax& syntax,
                             const nlohmann::ordered_json& variables);

}  // namespace autoglm

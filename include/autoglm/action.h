// Actions: what a model that operates a phone answers, as do(action="SetAlarm", time="07:00").
#pragma once

#include <string>
#include <string_view>

#include "autoglm/status.h"

namespace autoglm {

/// One action. {"SetAlarm", R"({"time":"07:00"})"}
struct Action {
  std::string name;
  /// The other arguments as the text of a JSON object, in their order.
  std::string parameters_json;
};

/// Reads do(action="NAME", parameter=value, ...), or finish(message="..."), whose name is "finish".
/// Values are Python literals: strings in either quotes, numbers, True, False, None, and lists of
/// them. The text of Type and Type_Name and the message of finish stand unescaped up to the closing
/// "), as the Open-AutoGLM client reads them. White space around is ignored.
///
/// kInvalidArgument: it is none of these; the message says where it goes wrong.
Result<Action> ParseAction(std::string_view text);

/// The ModelInfo::task of a model that answers a sentence with one phone action.
inline constexpr std::string_view kPhoneActionsTask = "phone_actions";

/// The built-in grammar "phone_actions" as GBNF, narrowed to what `sentence` can mean: names,
/// titles and texts are whole words that stand in it one after another, as that model was taught to
/// copy them. AutoGLMSession::Chat and the service hold a model with kPhoneActionsTask to it where
/// no other form is asked for; elsewhere it is for GenerateOptions::grammar. A sentence of more
/// than 512 words and marks, or of none, narrows nothing.
std::string PhoneActionsGrammar(std::string_view sentence);

}  // namespace autoglm

// The parts of an answer in a conversation: reasoning, content, and calls of tools.
#pragma once

#include <string>

namespace autoglm {

/// A tool that the model wants called.
struct ToolCall {
  std::string id = {};    ///< to be given back with the result (tool_call_id)
  std::string name = {};  ///< of the tool; one that was not offered is possible without a grammar
  /// The arguments as the text of a JSON object; only its beginning where not complete.
  std::string arguments_json = {};
  bool complete = false;  ///< false: the answer ended, or went wrong, inside the call
};

/// A piece of an answer. A call comes as one kCallBegin, any number of kArguments, one kCallEnd.
struct ChatDelta {
  enum class Kind : int {
    kContent = 0,
    kReasoning = 1,
    kCallBegin = 2,
    kArguments = 3,
    kCallEnd = 4,
  };

  Kind kind = Kind::kContent;
  /// Whole UTF-8 characters: of the content, of the reasoning, of the arguments' JSON; with
  /// kCallBegin the tool's name.
  std::string text = {};
  int call_index = -1;       ///< of the call: 0, 1 ...; -1 with content and reasoning
  std::string call_id = {};  ///< with kCallBegin
  bool complete = false;     ///< with kCallEnd: as ToolCall::complete
};

}  // namespace autoglm

// What an answer must match so that its calls are whole and valid: a grammar made from a family's
// syntax and from the schemas of tools and of the answer.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"
#include "chat/answer_parser.h"
#include "chat/call_syntax.h"
#include "chat/tools.h"
#include "sampling/grammar/automaton.h"

namespace autoglm {

struct AnswerGrammarOptions {
  const CallSyntax* syntax = nullptr;
  std::span<const ToolSpec> tools = {};
  ToolChoice choice = {};
  bool parallel = true;
  ReasoningMarks reasoning = {};     ///< may come before all else
  bool starts_in_reasoning = false;  ///< has begun in the prompt
  /// A JSON Schema that content must be valid against; null: any content.
  const nlohmann::ordered_json* content_schema = nullptr;
  /// The control token of this name, or -1: such marks stand in the answer as tokens, not as text.
  std::function<int32_t(std::string_view name)> find_control_token;
};

/// What an error of content_schema begins with.
inline constexpr std::string_view kContentSchemaField = "content_schema";

/// With tool_choice auto and calls that a mark begins, text is free up to that mark; else the whole
/// answer is held to its form. Empty gbnf where nothing is to be held.
///
/// The arguments of a call are held to its tool's schema; where they are written as tags,
/// properties come in the schema's order and those that it does not name are not permitted.
/// kInvalidArgument or kUnimplemented where a schema is wrong or not supported, beginning with the
/// field's name.
Result<GrammarSpec> MakeAnswerGrammar(const AnswerGrammarOptions& options);

}  // namespace autoglm

// An answer put together again from its deltas: what tests and the fuzz target compare.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/answer_parser.h"

namespace autoglm {

struct Answer {
  std::string reasoning;
  std::string content;
  std::vector<ToolCall> calls;
  std::string error;  ///< what is wrong with the order of the deltas

  void Add(const std::vector<ChatDelta>& deltas) {
    for (const ChatDelta& delta : deltas) Add(delta);
  }

  void Add(const ChatDelta& delta) {
    using Kind = ChatDelta::Kind;
    const bool is_text = delta.kind == Kind::kContent || delta.kind == Kind::kReasoning;
    if (is_text && delta.text.empty()) error = "an empty text";
    if (is_text && in_call) error = "text within a call";
    if (delta.kind == Kind::kContent) content += delta.text;
    if (delta.kind == Kind::kReasoning) reasoning += delta.text;
    if (is_text) return;
    if (delta.kind == Kind::kCallBegin) {
      if (in_call) error = "a call within a call";
      in_call = true;
      calls.push_back({.id = delta.call_id, .name = delta.text});
    }
    if (!in_call || delta.call_index != static_cast<int>(calls.size()) - 1) {
      error = "a delta of no call";
      return;
    }
    if (delta.kind == Kind::kArguments) calls.back().arguments_json += delta.text;
    if (delta.kind == Kind::kCallEnd) {
      calls.back().complete = delta.complete;
      in_call = false;
    }
  }

  bool in_call = false;
};

/// `text` pushed in the pieces that begin at `cuts` (ascending offsets).
inline Answer ParseAnswer(const AnswerParserOptions& options, std::string_view text, bool cut_off,
                          const std::vector<size_t>& cuts = {}) {
  AnswerParser parser(options);
  Answer answer;
  size_t from = 0;
  const auto push = [&](size_t to) {
    std::vector<ChatDelta> deltas;
    parser.Push(text.substr(from, to - from), &deltas);
    answer.Add(deltas);
    from = to;
  };
  for (const size_t cut : cuts) push(cut);
  push(text.size());
  std::vector<ChatDelta> deltas;
  parser.Finish(cut_off, &deltas);
  answer.Add(deltas);
  if (answer.in_call) answer.error = "a call that never ends";
  return answer;
}

}  // namespace autoglm

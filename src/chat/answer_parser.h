// AnswerParser: the text that a model writes, as it comes, into reasoning, content and calls.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "autoglm/chat.h"
#include "chat/call_reader.h"
#include "chat/call_syntax.h"
#include "chat/tools.h"

namespace autoglm {

/// The marks around a reasoning part. Both empty: the model writes none.
struct ReasoningMarks {
  std::string begin;  ///< "<think>"
  std::string end;    ///< "</think>"
};

struct AnswerParserOptions {
  ReasoningMarks reasoning = {};
  bool starts_in_reasoning = false;  ///< the prompt has ended with the mark that begins it
  bool drops_leading_space = false;  ///< white space before the content is the model's layout
  bool reads_calls = false;
  CallSyntax syntax = {};  ///< reads_calls
  std::vector<ToolSpec> tools = {};
  uint64_t id_seed = 0;  ///< the ids of calls follow from it
};

/// The pieces are cut so that no part of a mark is ever shown, and do not depend on how the text
/// came in, but for where one delta ends and the next begins. White space between a reasoning part
/// or a call and what stands beside it is layout and left out. What begins like a call and proves
/// to be none before its name was told is content; a call that goes wrong later ends incomplete,
/// and what follows up to its end mark is dropped.
///
/// Time is linear in the text. One thread at a time; not to be copied or moved once fed.
class AnswerParser {
 public:
  explicit AnswerParser(AnswerParserOptions options);
  AnswerParser(const AnswerParser&) = delete;
  AnswerParser& operator=(const AnswerParser&) = delete;

  /// Adds text (whole UTF-8 characters) and appends what is known now to `out`.
  void Push(std::string_view text, std::vector<ChatDelta>* out);
  /// The answer has ended. `cut_off`: it did so for want of room or by cancelling, so that what it
  /// ends with may be half a mark, and is left out.
  void Finish(bool cut_off, std::vector<ChatDelta>* out);

  int n_calls() const { return reader_.n_calls(); }
  /// Finish(true) came when a call had begun of which not even the name was known.
  bool lost_a_call() const { return lost_a_call_; }

 private:
  enum class State { kStart, kReasoning, kContent, kCalls };

  /// Text of one kind, without white space at its borders where those are marks.
  struct Stream {
    ChatDelta::Kind kind;
    bool started = false;        ///< something was shown
    bool drops_leading = false;  ///< white space that comes first
    std::string space = {};      ///< held back until more follows
  };

  bool Step(bool at_end);
  bool StepStart(bool at_end);
  bool StepReasoning();
  bool StepContent();
  bool StepCalls();
  void Show(Stream* stream, std::string_view text);
  void Take(size_t n_bytes) { at_ += n_bytes; }
  std::string_view rest() const { return std::string_view(held_).substr(at_); }

  const AnswerParserOptions options_;
  const std::vector<std::string> call_triggers_;  ///< none or one
  const std::vector<std::string> reasoning_end_;  ///< one
  CallReader reader_;
  State state_;
  Stream reasoning_ = {.kind = ChatDelta::Kind::kReasoning, .drops_leading = true};
  Stream content_ = {.kind = ChatDelta::Kind::kContent};
  std::string held_;  ///< from at_ on: not yet taken
  size_t at_ = 0;
  bool content_shown_ = false;
  bool lost_a_call_ = false;
  std::vector<ChatDelta>* out_ = nullptr;  ///< during Push and Finish
};

}  // namespace autoglm

// TaggedValues: reads arguments that stand between tags, one key and one value at a time, and gives
// them out as the text of a JSON object.
#pragma once

#include <string>
#include <string_view>

#include "chat/call_object.h"
#include "chat/call_syntax.h"
#include "chat/tools.h"

namespace autoglm {

/// A value that can only be a string streams; what else it may be is decided at its end.
class TaggedValues {
 public:
  /// `tool` (null: unknown) and `syntax` outlive this.
  TaggedValues(const CallSyntax& syntax, const ToolSpec* tool) : syntax_(&syntax), tool_(tool) {}

  /// Takes bytes from the front of `text` until arguments_end.
  ReadProgress Read(std::string_view* text, CallSink* sink);
  /// All values so far are whole: a missing arguments_end is all that could be missing.
  bool between_values() const { return state_ == State::kKeyOrEnd; }
  /// Ends the object where arguments_end is missing.
  void Close(CallSink* sink);

 private:
  enum class State { kKeyOrEnd, kKey, kValueBegin, kValue, kEnd };

  ReadProgress Step(std::string_view* text, CallSink* sink);
  ReadProgress ReadKeyOrEnd(std::string_view* text, CallSink* sink);
  ReadProgress ReadKey(std::string_view* text);
  ReadProgress ReadValueBegin(std::string_view* text, CallSink* sink);
  ReadProgress ReadValue(std::string_view* text, CallSink* sink);
  void EndValue(CallSink* sink);

  /// The value under way is a string: what is read of it can be given out.
  bool streams() const { return kind_.form == ParameterKind::Form::kString; }

  const CallSyntax* syntax_;
  const ToolSpec* tool_;
  State state_ = State::kKeyOrEnd;
  std::string key_;
  std::string value_;  ///< what is not given out yet
  ParameterKind kind_;
  int n_values_ = 0;
};

}  // namespace autoglm

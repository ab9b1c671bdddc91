// See tagged_values.h.
#include "chat/tagged_values.h"

#include <utility>

#include "chat/literal.h"

namespace autoglm {

ReadProgress TaggedValues::Read(std::string_view* text, CallSink* sink) {
  for (;;) {
    const ReadProgress progress = Step(text, sink);
    if (progress != ReadProgress::kDone) return progress;
    if (state_ == State::kEnd) return ReadProgress::kDone;
  }
}

// kDone: a part is read, and the next may be.
ReadProgress TaggedValues::Step(std::string_view* text, CallSink* sink) {
  switch (state_) {
    case State::kKeyOrEnd:
      return ReadKeyOrEnd(text, sink);
    case State::kKey:
      return ReadKey(text);
    case State::kValueBegin:
      return ReadValueBegin(text, sink);
    case State::kValue:
      return ReadValue(text, sink);
    case State::kEnd:
      break;
  }
  return ReadProgress::kDone;
}

ReadProgress TaggedValues::ReadKeyOrEnd(std::string_view* text, CallSink* sink) {
  const LiteralMatch end = MatchLiteral(*text, syntax_->arguments_end);
  const LiteralMatch key = MatchLiteral(*text, syntax_->key_begin);
  if (end.kind == LiteralMatch::Kind::kYes) {
    text->remove_prefix(end.n_bytes);
    Close(sink);
    return ReadProgress::kDone;
  }
  if (key.kind == LiteralMatch::Kind::kYes) {
    text->remove_prefix(key.n_bytes);
    key_.clear();
    state_ = State::kKey;
    return ReadProgress::kDone;
  }
  const bool may_come =
      end.kind == LiteralMatch::Kind::kPartial || key.kind == LiteralMatch::Kind::kPartial;
  return may_come ? ReadProgress::kWait : ReadProgress::kError;
}

ReadProgress TaggedValues::ReadKey(std::string_view* text) {
  const std::string marker(TrimSpace(syntax_->key_end));
  const MarkerSearch found = FindMarker(*text, {&marker, 1});
  key_ += text->substr(0, found.n_free);
  text->remove_prefix(found.n_free);
  if (key_.size() > kMaxHeldBytes) return ReadProgress::kError;
  if (found.which < 0) return ReadProgress::kWait;
  text->remove_prefix(marker.size());
  key_ = std::string(TrimSpace(key_));
  state_ = State::kValueBegin;
  return key_.empty() ? ReadProgress::kError : ReadProgress::kDone;
}

ReadProgress TaggedValues::ReadValueBegin(std::string_view* text, CallSink* sink) {
  const LiteralMatch begin = MatchLiteral(*text, syntax_->value_begin);
  if (begin.kind == LiteralMatch::Kind::kNo) return ReadProgress::kError;
  if (begin.kind == LiteralMatch::Kind::kPartial) return ReadProgress::kWait;
  if (syntax_->value_on_own_lines && text->size() == begin.n_bytes) return ReadProgress::kWait;
  text->remove_prefix(begin.n_bytes);
  if (syntax_->value_on_own_lines && text->front() == '\n') text->remove_prefix(1);
  kind_ = tool_ == nullptr ? ParameterKind() : tool_->Kind(key_);
  value_.clear();
  std::string json = n_values_++ == 0 ? "{" : ", ";
  AppendJsonString(&json, key_);
  json += streams() ? ": \"" : ": ";
  sink->AddArguments(json);
  state_ = State::kValue;
  return ReadProgress::kDone;
}

ReadProgress TaggedValues::ReadValue(std::string_view* text, CallSink* sink) {
  const std::string marker(TrimSpace(syntax_->value_end));
  const MarkerSearch found = FindMarker(*text, {&marker, 1});
  value_ += text->substr(0, found.n_free);
  text->remove_prefix(found.n_free);
  if (found.which >= 0) {
    text->remove_prefix(marker.size());
    EndValue(sink);
    return ReadProgress::kDone;
  }
  if (streams() && !value_.empty()) {
    const bool holds_newline = syntax_->value_on_own_lines && value_.back() == '\n';
    if (holds_newline) value_.pop_back();
    std::string json;
    AppendJsonStringPiece(&json, value_);
    if (!json.empty()) sink->AddArguments(json);
    value_ = holds_newline ? "\n" : "";
  }
  return ReadProgress::kWait;
}

void TaggedValues::EndValue(CallSink* sink) {
  if (syntax_->value_on_own_lines && value_.ends_with('\n')) value_.pop_back();
  std::string json;
  if (streams()) {
    AppendJsonStringPiece(&json, value_);
    json += '"';
  } else {
    json = BareValueToJson(value_, kind_);
  }
  sink->AddArguments(json);
  value_.clear();
  state_ = State::kKeyOrEnd;
}

void TaggedValues::Close(CallSink* sink) {
  sink->AddArguments(n_values_ == 0 ? "{}" : "}");
  state_ = State::kEnd;
}

}  // namespace autoglm

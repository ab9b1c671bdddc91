// See answer_parser.h.
#include "chat/answer_parser.h"

#include <utility>

#include "chat/literal.h"

namespace autoglm {
namespace {

std::vector<std::string> Triggers(const AnswerParserOptions& options) {
  if (!options.reads_calls || options.syntax.trigger.empty()) return {};
  return {options.syntax.trigger};
}

}  // namespace

AnswerParser::AnswerParser(AnswerParserOptions options)
    : options_(std::move(options)),
      call_triggers_(Triggers(options_)),
      reasoning_end_({options_.reasoning.end}),
      reader_(options_.syntax, options_.tools, options_.id_seed),
      state_(options_.starts_in_reasoning ? State::kReasoning : State::kStart) {
  content_.drops_leading = options_.starts_in_reasoning || options_.drops_leading_space;
}

void AnswerParser::Push(std::string_view text, std::vector<ChatDelta>* out) {
  out_ = out;
  held_ += text;
  while (Step(/*at_end=*/false)) {
  }
  held_.erase(0, at_);
  at_ = 0;
}

void AnswerParser::Finish(bool cut_off, std::vector<ChatDelta>* out) {
  out_ = out;
  while (Step(/*at_end=*/true)) {
  }
  if (state_ == State::kCalls) {
    const bool no_call = reader_.Finish(cut_off, out) == CallReader::Outcome::kNoCall;
    const std::string attempt = reader_.take_attempt();
    // With a mark it was meant as one; without, it may have been any text.
    const bool marked = !call_triggers_.empty();
    lost_a_call_ = no_call && cut_off && marked;
    if (no_call && !lost_a_call_) Show(&content_, attempt + std::string(rest()));
  } else if (!cut_off) {
    Show(state_ == State::kReasoning ? &reasoning_ : &content_, rest());
  }
  const bool bordered = state_ == State::kReasoning || reader_.n_calls() > 0 || lost_a_call_;
  if (!bordered && !content_.space.empty() && !(content_.drops_leading && !content_.started)) {
    out_->push_back({.kind = ChatDelta::Kind::kContent, .text = std::exchange(content_.space, {})});
  }
  held_.clear();
  at_ = 0;
}

// True: something was taken or the state has changed, so that there may be more to do.
bool AnswerParser::Step(bool at_end) {
  switch (state_) {
    case State::kStart:
      return StepStart(at_end);
    case State::kReasoning:
      return StepReasoning();
    case State::kContent:
      return StepContent();
    case State::kCalls:
      return StepCalls();
  }
  return false;
}

bool AnswerParser::StepStart(bool at_end) {
  const size_t n_space = LeadingSpace(rest());
  const std::string_view text = rest().substr(n_space);
  const std::string& think = options_.reasoning.begin;
  if (!think.empty()) {
    if (text.starts_with(think)) {
      Take(n_space + think.size());
      content_ = {.kind = ChatDelta::Kind::kContent, .drops_leading = true};
      state_ = State::kReasoning;
      return true;
    }
    if (!at_end && std::string_view(think).starts_with(text)) return false;
  }
  if (text.empty() && !at_end) return false;
  const CallSyntax& syntax = options_.syntax;
  if (!options_.reads_calls || !syntax.trigger.empty()) {
    state_ = State::kContent;
  } else if (syntax.content_on_new_line && n_space > 0) {
    content_.drops_leading = true;
    Take(n_space);
    state_ = State::kContent;
  } else {
    Show(&content_, rest().substr(0, n_space));
    Take(n_space);
    reader_.Start();
    state_ = State::kCalls;
  }
  return true;
}

bool AnswerParser::StepReasoning() {
  const MarkerSearch found = FindMarker(rest(), reasoning_end_);
  Show(&reasoning_, rest().substr(0, found.n_free));
  Take(found.n_free);
  if (found.which < 0) return false;
  Take(reasoning_end_[0].size());
  reasoning_.space.clear();
  reasoning_.started = true;
  content_.drops_leading = true;
  // Calls that fill an answer may stand behind the reasoning.
  const bool calls_next = options_.reads_calls && options_.syntax.trigger.empty();
  state_ = calls_next ? State::kStart : State::kContent;
  return true;
}

bool AnswerParser::StepContent() {
  const MarkerSearch found = FindMarker(rest(), call_triggers_);
  Show(&content_, rest().substr(0, found.n_free));
  Take(found.n_free);
  if (found.which < 0) return false;
  reader_.Start();
  state_ = State::kCalls;
  return true;
}

bool AnswerParser::StepCalls() {
  std::string_view text = rest();
  const CallReader::Outcome outcome = reader_.Read(&text, out_);
  Take(rest().size() - text.size());
  if (outcome == CallReader::Outcome::kWait) return false;
  if (outcome == CallReader::Outcome::kNoCall) {
    const std::string attempt = reader_.take_attempt();
    Show(&content_, attempt);
    // Nothing behind the mark fits: the mark itself is content, or it would be found again.
    const std::string& trigger = options_.syntax.trigger;
    if (attempt.empty() && !trigger.empty() && rest().starts_with(trigger)) {
      Show(&content_, trigger);
      Take(trigger.size());
    }
  } else {
    if (!content_shown_) content_.space.clear();
    content_.drops_leading = true;
    content_.started = false;
  }
  state_ = State::kContent;
  return true;
}

void AnswerParser::Show(Stream* stream, std::string_view text) {
  if (stream->drops_leading && !stream->started) text.remove_prefix(LeadingSpace(text));
  if (text.empty()) return;
  const bool trims = stream->kind == ChatDelta::Kind::kReasoning || options_.reads_calls;
  std::string shown = std::exchange(stream->space, {});
  shown += text;
  if (trims) {
    const size_t n = shown.find_last_not_of(" \t\n\r") + 1;
    stream->space = shown.substr(n);
    shown.resize(n);
  }
  if (shown.empty()) return;
  stream->started = true;
  content_shown_ |= stream == &content_;
  if (!out_->empty() && out_->back().kind == stream->kind) {
    out_->back().text += shown;
    return;
  }
  out_->push_back({.kind = stream->kind, .text = std::move(shown)});
}

}  // namespace autoglm

// See call_reader.h.
#include "chat/call_reader.h"

#include <algorithm>
#include <utility>

#include "chat/literal.h"

namespace autoglm {

void CallReader::Start() {
  part_ = Part::kSectionBegin;
  over_ = false;
  attempt_.clear();
}

CallReader::Outcome CallReader::Read(std::string_view* text, std::vector<ChatDelta>* out) {
  out_ = out;
  while (!over_) {
    const std::string_view before = *text;
    const ReadProgress progress = Step(text);
    if (!in_call_ && (part_ <= Part::kAfterName || progress == ReadProgress::kError)) {
      attempt_ += before.substr(0, before.size() - text->size());
    }
    if (progress == ReadProgress::kWait) return Outcome::kWait;
    if (progress == ReadProgress::kDone) continue;
    if (!in_call_) return Outcome::kNoCall;
    EndCall(/*complete=*/false);
    part_ = Part::kSkip;
  }
  return Outcome::kEnd;
}

CallReader::Outcome CallReader::Finish(bool cut_off, std::vector<ChatDelta>* out) {
  out_ = out;
  if (!in_call_) return part_ <= Part::kAfterName && !over_ ? Outcome::kNoCall : Outcome::kEnd;
  // Only the end mark is missing: the model holds the call for finished.
  const bool whole = !cut_off && part_ == Part::kTaggedArguments && tagged_->between_values();
  if (whole) tagged_->Close(this);
  EndCall(whole);
  return Outcome::kEnd;
}

bool CallReader::BeginCall(std::string_view name, std::string_view id) {
  if (syntax_->trigger.empty() && FindTool(tools_, name) == nullptr) return false;
  const bool usable_id =
      syntax_->id_length > 0 && id.size() == static_cast<size_t>(syntax_->id_length);
  out_->push_back({.kind = ChatDelta::Kind::kCallBegin,
                   .text = std::string(name),
                   .call_index = n_calls_,
                   .call_id = usable_id ? std::string(id) : NewId()});
  in_call_ = true;
  attempt_.clear();
  return true;
}

void CallReader::AddArguments(std::string_view piece) {
  // One delta for what arrives together.
  if (!out_->empty() && out_->back().kind == ChatDelta::Kind::kArguments) {
    out_->back().text += piece;
    return;
  }
  out_->push_back(
      {.kind = ChatDelta::Kind::kArguments, .text = std::string(piece), .call_index = n_calls_});
}

void CallReader::EndCall(bool complete) {
  out_->push_back(
      {.kind = ChatDelta::Kind::kCallEnd, .call_index = n_calls_, .complete = complete});
  in_call_ = false;
  ++n_calls_;
}

std::string CallReader::NewId() {
  constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr int kOpenAiLetters = 24;
  std::string id = syntax_->id_length > 0 ? "" : "call_";
  const int n = syntax_->id_length > 0 ? syntax_->id_length : kOpenAiLetters;
  for (int i = 0; i < n; ++i) id += kLetters[rng_.NextBelow(kLetters.size())];
  return id;
}

// kDone: the next part can be read. kError: the text does not go on like a call.
ReadProgress CallReader::Step(std::string_view* text) {
  switch (part_) {
    case Part::kSectionBegin:
      return ReadLiteral(text, syntax_->section_begin, Part::kCallBegin);
    case Part::kCallBegin: {
      const ReadProgress progress = ReadLiteral(text, syntax_->call_begin, Part::kName);
      if (progress == ReadProgress::kDone) BeginBody();
      return progress;
    }
    case Part::kObject:
      return EndBody(object_->Read(text, this));
    case Part::kName:
      return ReadName(text);
    case Part::kId:
      return ReadId(text);
    case Part::kAfterName:
      return ReadAfterName(text);
    case Part::kJsonArguments:
      return EndBody(ReadJsonArguments(text));
    case Part::kTaggedArguments:
      return EndBody(tagged_->Read(text, this));
    case Part::kCallEnd:
      return ReadCallEnd(text);
    case Part::kBetween:
      return ReadBetween(text);
    case Part::kSkip:
      return Skip(text);
  }
  return ReadProgress::kError;
}

ReadProgress CallReader::ReadLiteral(std::string_view* text, const std::string& literal,
                                     Part next) {
  const LiteralMatch match = MatchLiteral(*text, literal);
  if (match.kind == LiteralMatch::Kind::kNo) return ReadProgress::kError;
  if (match.kind == LiteralMatch::Kind::kPartial) return ReadProgress::kWait;
  text->remove_prefix(match.n_bytes);
  part_ = next;
  return ReadProgress::kDone;
}

void CallReader::BeginBody() {
  name_.clear();
  id_.clear();
  if (syntax_->body != CallSyntax::Body::kJsonObject) return;
  object_.emplace(*syntax_);
  part_ = Part::kObject;
}

ReadProgress CallReader::EndBody(ReadProgress progress) {
  if (progress != ReadProgress::kDone) return progress;
  EndCall(/*complete=*/true);
  part_ = Part::kCallEnd;
  return ReadProgress::kDone;
}

ReadProgress CallReader::ReadName(std::string_view* text) {
  size_t n = name_.empty() && !syntax_->trigger.empty() ? LeadingSpace(*text) : 0;
  while (n < text->size() && IsToolNameChar((*text)[n])) name_ += (*text)[n++];
  text->remove_prefix(n);
  if (name_.size() > kMaxToolName) return ReadProgress::kError;
  if (text->empty()) return ReadProgress::kWait;
  if (name_.empty()) return ReadProgress::kError;
  if (syntax_->trigger.empty() && FindTool(tools_, name_) == nullptr) return ReadProgress::kError;
  part_ = syntax_->id_begin.empty() ? Part::kAfterName : Part::kId;
  return ReadProgress::kDone;
}

ReadProgress CallReader::ReadId(std::string_view* text) {
  const LiteralMatch begin = MatchLiteral(*text, syntax_->id_begin);
  if (begin.kind == LiteralMatch::Kind::kPartial) return ReadProgress::kWait;
  part_ = Part::kAfterName;
  if (begin.kind == LiteralMatch::Kind::kNo) return ReadProgress::kDone;  // some leave it out
  const std::string_view rest = text->substr(begin.n_bytes);
  const size_t n = std::find_if_not(rest.begin(), rest.end(), IsToolNameChar) - rest.begin();
  if (n > kMaxToolName) return ReadProgress::kError;
  if (n == rest.size()) {
    part_ = Part::kId;
    return ReadProgress::kWait;
  }
  id_ = std::string(rest.substr(0, n));
  text->remove_prefix(begin.n_bytes + n);
  return ReadProgress::kDone;
}

ReadProgress CallReader::ReadAfterName(std::string_view* text) {
  const bool tagged = syntax_->body == CallSyntax::Body::kNameThenTags;
  const LiteralMatch match = MatchLiteral(*text, syntax_->after_name);
  if (match.kind == LiteralMatch::Kind::kPartial) return ReadProgress::kWait;
  if (match.kind == LiteralMatch::Kind::kNo) return ReadProgress::kError;
  // It is no call before its arguments begin: a name alone is a word.
  const std::string_view arguments = text->substr(match.n_bytes);
  const LiteralMatch first = MatchLiteral(arguments, tagged ? syntax_->key_begin : "{");
  const LiteralMatch none = tagged ? MatchLiteral(arguments, syntax_->arguments_end) : first;
  if (first.kind != LiteralMatch::Kind::kYes && none.kind != LiteralMatch::Kind::kYes) {
    const bool may_come =
        first.kind == LiteralMatch::Kind::kPartial || none.kind == LiteralMatch::Kind::kPartial;
    return may_come ? ReadProgress::kWait : ReadProgress::kError;
  }
  text->remove_prefix(match.n_bytes);
  if (!BeginCall(name_, id_)) return ReadProgress::kError;
  if (tagged) {
    tagged_.emplace(*syntax_, FindTool(tools_, name_));
    part_ = Part::kTaggedArguments;
  } else {
    scanner_ = JsonScanner();
    arguments_begun_ = false;
    part_ = Part::kJsonArguments;
  }
  return ReadProgress::kDone;
}

ReadProgress CallReader::ReadJsonArguments(std::string_view* text) {
  std::string json;
  ReadProgress progress = ReadProgress::kWait;
  while (!text->empty() && progress == ReadProgress::kWait) {
    const char c = text->front();
    if (arguments_begun_ || !IsSpace(c)) {
      arguments_begun_ = true;
      const JsonScanner::Step step = PushRepaired(c, &scanner_, &json);
      if (step == JsonScanner::Step::kEnd) progress = ReadProgress::kDone;
      if (step == JsonScanner::Step::kError) progress = ReadProgress::kError;
    }
    if (progress != ReadProgress::kError) text->remove_prefix(1);
  }
  if (!json.empty()) AddArguments(json);
  return progress;
}

// The call is whole without its end, which models forget.
ReadProgress CallReader::ReadCallEnd(std::string_view* text) {
  const ReadProgress progress = ReadLiteral(text, syntax_->call_end, Part::kBetween);
  if (progress != ReadProgress::kError) return progress;
  part_ = Part::kBetween;
  return ReadProgress::kDone;
}

ReadProgress CallReader::ReadBetween(std::string_view* text) {
  if (!TrimSpace(syntax_->section_end).empty()) {
    const LiteralMatch end = MatchLiteral(*text, syntax_->section_end);
    if (end.kind == LiteralMatch::Kind::kYes) text->remove_prefix(end.n_bytes);
    if (end.kind == LiteralMatch::Kind::kPartial) return ReadProgress::kWait;
    over_ = end.kind == LiteralMatch::Kind::kYes;
    if (over_) return ReadProgress::kDone;
  }
  const std::string next = syntax_->separator + syntax_->call_begin;
  const LiteralMatch begin = MatchLiteral(*text, next);
  if (begin.kind == LiteralMatch::Kind::kPartial) return ReadProgress::kWait;
  over_ = begin.kind == LiteralMatch::Kind::kNo || TrimSpace(next).empty();
  if (over_) return ReadProgress::kDone;
  text->remove_prefix(begin.n_bytes);
  part_ = Part::kName;
  BeginBody();
  return ReadProgress::kDone;
}

ReadProgress CallReader::Skip(std::string_view* text) {
  const std::string end(
      TrimSpace(syntax_->call_end.empty() ? syntax_->arguments_end : syntax_->call_end));
  const std::string trigger = syntax_->trigger;
  std::vector<std::string> markers;
  if (!end.empty()) markers.push_back(end);
  if (!trigger.empty()) markers.push_back(trigger);
  const MarkerSearch found = FindMarker(*text, markers);
  text->remove_prefix(found.n_free);
  if (found.which < 0) return ReadProgress::kWait;
  if (markers[found.which] != trigger) {
    text->remove_prefix(markers[found.which].size());
    part_ = Part::kBetween;
    return ReadProgress::kDone;
  }
  over_ = true;  // the trigger begins a section anew
  return ReadProgress::kDone;
}

}  // namespace autoglm

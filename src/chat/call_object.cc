// See call_object.h.
#include "chat/call_object.h"

#include <nlohmann/json.hpp>

#include "chat/literal.h"
#include "chat/tools.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

/// The string that a JSON text is; false where it is something else.
bool ReadString(const std::string& json, std::string* out) {
  const Json value = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!value.is_string()) return false;
  *out = value.get<std::string>();
  return true;
}

}  // namespace

JsonScanner::Step PushRepaired(char c, JsonScanner* scanner, std::string* out) {
  if (scanner->in_string() && static_cast<unsigned char>(c) < 0x20) {
    std::string escaped;
    AppendJsonStringPiece(&escaped, {&c, 1});
    for (const char e : escaped) {
      if (scanner->Push(e) != JsonScanner::Step::kMore) return JsonScanner::Step::kError;
    }
    *out += escaped;
    return JsonScanner::Step::kMore;
  }
  const JsonScanner::Step step = scanner->Push(c);
  if (step == JsonScanner::Step::kMore || step == JsonScanner::Step::kEnd) *out += c;
  return step;
}

ReadProgress CallObject::Read(std::string_view* text, CallSink* sink) {
  bool wrong = false;
  while (!wrong && !text->empty() && state_ != State::kEnd) {
    wrong = !Push(text->front(), sink);
    if (wrong) break;
    text->remove_prefix(1);
    wrong = !begun_ && arguments_.size() + value_.size() + key_.size() > kMaxHeldBytes;
  }
  if (begun_ && !arguments_.empty()) {
    sink->AddArguments(arguments_);
    arguments_.clear();
  }
  if (wrong) return ReadProgress::kError;
  return state_ == State::kEnd ? ReadProgress::kDone : ReadProgress::kWait;
}

bool CallObject::Push(char c, CallSink* sink) {
  if (state_ == State::kValue) return PushValue(c, sink);
  if (state_ == State::kKeyString) {
    const JsonScanner::Step step = PushRepaired(c, &scanner_, &key_);
    return step == JsonScanner::Step::kEnd ? EndKey() : step == JsonScanner::Step::kMore;
  }
  if (IsSpace(c)) return true;
  switch (state_) {
    case State::kOpen:
      state_ = State::kFirstKeyOrEnd;
      return c == '{';
    case State::kFirstKeyOrEnd:
      if (c == '}') return EndObject(sink);
      [[fallthrough]];
    case State::kKey:
      if (c != '"') return false;
      state_ = State::kKeyString;
      scanner_ = JsonScanner();
      key_.clear();
      return PushRepaired(c, &scanner_, &key_) == JsonScanner::Step::kMore;
    case State::kColon:
      state_ = State::kValue;
      scanner_ = JsonScanner();
      value_.clear();
      return c == ':';
    case State::kCommaOrEnd:
      if (c == '}') return EndObject(sink);
      state_ = State::kKey;
      return c == ',';
    default:
      return false;
  }
}

bool CallObject::EndKey() {
  std::string key;
  if (!ReadString(key_, &key)) return false;
  field_ = Field::kOther;
  if (key == syntax_->name_key) field_ = Field::kName;
  // Models mix up the two names that are in use.
  if (key == "arguments" || key == "parameters" || key == syntax_->arguments_key) {
    field_ = Field::kArguments;
  }
  if (key == "id") field_ = Field::kId;
  // An answer that begins like a call and has other keys is just JSON.
  if (field_ == Field::kOther && syntax_->trigger.empty() && key != "type") return false;
  streams_ = false;
  state_ = State::kColon;
  return true;
}

bool CallObject::PushValue(char c, CallSink* sink) {
  const bool first = value_.empty() && !streams_;
  if (first && IsSpace(c)) return true;
  if (first && field_ == Field::kArguments) {
    if (has_arguments_) return false;
    has_arguments_ = true;
    streams_ = c == '{';
  }
  std::string* const out = streams_ ? &arguments_ : &value_;
  switch (PushRepaired(c, &scanner_, out)) {
    case JsonScanner::Step::kMore:
      return true;
    case JsonScanner::Step::kEnd:
      return EndValue(sink);
    case JsonScanner::Step::kEndBefore:
      return EndValue(sink) && Push(c, sink);
    case JsonScanner::Step::kError:
      break;
  }
  return false;
}

bool CallObject::EndValue(CallSink* sink) {
  state_ = State::kCommaOrEnd;
  switch (field_) {
    case Field::kName:
      return ReadString(value_, &name_) && !name_.empty() && Begin(sink);
    case Field::kId:
      ReadString(value_, &id_);
      return true;
    case Field::kArguments:
      break;
    case Field::kOther:
      value_.clear();
      return true;
  }
  if (streams_) return true;
  std::string inner;
  if (value_ == "null") {
    arguments_ = "{}";
  } else if (!ReadString(value_, &inner) || Contains(inner, std::string_view("\0", 1)) ||
             !Json::accept(inner) || TrimSpace(inner)[0] != '{') {
    return false;
  } else {
    arguments_ = inner;
  }
  return true;
}

bool CallObject::Begin(CallSink* sink) {
  if (begun_) return false;  // a second name
  begun_ = sink->BeginCall(name_, id_);
  return begun_;
}

bool CallObject::EndObject(CallSink* /*sink*/) {
  if (!begun_) return false;
  if (!has_arguments_) arguments_ = "{}";
  state_ = State::kEnd;
  return true;
}

}  // namespace autoglm

// See json_scanner.h.
#include "chat/json_scanner.h"

#include <cstring>

namespace autoglm {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

}  // namespace

JsonScanner::Step JsonScanner::Push(char c) {
  switch (state_) {
    case State::kString:
    case State::kEscape:
    case State::kHex:
      return InString(c);
    case State::kLiteral:
      if (c != *literal_) return Step::kError;
      return *++literal_ == '\0' ? AfterValue() : Step::kMore;
    case State::kMinus:
    case State::kZero:
    case State::kInteger:
    case State::kPoint:
    case State::kFraction:
    case State::kExponent:
    case State::kExponentSign:
    case State::kExponentDigits:
      return InNumber(c);
    case State::kDone:
      return Step::kError;
    default:
      break;
  }
  if (IsSpace(c)) return Step::kMore;
  switch (state_) {
    case State::kValue:
      return BeginValue(c);
    case State::kFirstValueOrEnd:
      return c == ']' ? Close(c) : BeginValue(c);
    case State::kFirstKeyOrEnd:
      if (c == '}') return Close(c);
      [[fallthrough]];
    case State::kKey:
      if (c != '"') return Step::kError;
      string_is_key_ = true;
      state_ = State::kString;
      return Step::kMore;
    case State::kColon:
      state_ = State::kValue;
      return c == ':' ? Step::kMore : Step::kError;
    case State::kCommaOrEnd:
      if (c != ',') return Close(c);
      state_ = open_.back() == '{' ? State::kKey : State::kValue;
      return Step::kMore;
    default:
      return Step::kError;
  }
}

JsonScanner::Step JsonScanner::BeginValue(char c) {
  if (c == '{' || c == '[') {
    if (open_.size() == kMaxDepth) return Step::kError;
    open_.push_back(c);
    state_ = c == '{' ? State::kFirstKeyOrEnd : State::kFirstValueOrEnd;
  } else if (c == '"') {
    string_is_key_ = false;
    state_ = State::kString;
  } else if (c == '-') {
    state_ = State::kMinus;
  } else if (IsDigit(c)) {
    state_ = c == '0' ? State::kZero : State::kInteger;
  } else if (c == 't' || c == 'f' || c == 'n') {
    literal_ = c == 't' ? "rue" : c == 'f' ? "alse" : "ull";
    state_ = State::kLiteral;
  } else {
    return Step::kError;
  }
  return Step::kMore;
}

JsonScanner::Step JsonScanner::InNumber(char c) {
  const auto go_on = [this](State state) {
    state_ = state;
    return Step::kMore;
  };
  switch (state_) {
    case State::kMinus:
      if (IsDigit(c)) return go_on(c == '0' ? State::kZero : State::kInteger);
      return Step::kError;
    case State::kPoint:
      return IsDigit(c) ? go_on(State::kFraction) : Step::kError;
    case State::kExponent:
      if (c == '+' || c == '-') return go_on(State::kExponentSign);
      [[fallthrough]];
    case State::kExponentSign:
      return IsDigit(c) ? go_on(State::kExponentDigits) : Step::kError;
    case State::kZero:
    case State::kInteger:
      if (c == '.') return go_on(State::kPoint);
      break;
    default:
      break;
  }
  if (IsDigit(c) && state_ != State::kZero) return Step::kMore;
  if ((c == 'e' || c == 'E') && state_ != State::kExponentDigits) return go_on(State::kExponent);
  if (AfterValue() == Step::kEnd) return Step::kEndBefore;
  return Push(c);
}

JsonScanner::Step JsonScanner::InString(char c) {
  if (state_ == State::kHex) {
    if (!IsHex(c)) return Step::kError;
    if (--n_hex_ == 0) state_ = State::kString;
  } else if (state_ == State::kEscape) {
    if (c == '\0' || std::strchr("\"\\/bfnrtu", c) == nullptr) return Step::kError;
    n_hex_ = 4;
    state_ = c == 'u' ? State::kHex : State::kString;
  } else if (c == '\\') {
    state_ = State::kEscape;
  } else if (c == '"') {
    if (!string_is_key_) return AfterValue();
    state_ = State::kColon;
  } else if (static_cast<unsigned char>(c) < 0x20) {
    return Step::kError;
  }
  return Step::kMore;
}

JsonScanner::Step JsonScanner::Close(char c) {
  if (c != (open_.back() == '{' ? '}' : ']')) return Step::kError;
  open_.pop_back();
  return AfterValue();
}

JsonScanner::Step JsonScanner::AfterValue() {
  state_ = open_.empty() ? State::kDone : State::kCommaOrEnd;
  return open_.empty() ? Step::kEnd : Step::kMore;
}

}  // namespace autoglm

// JsonScanner: follows one JSON value byte by byte, so that its end is known while it streams.
// Source: RFC 8259.
#pragma once

#include <cstddef>
#include <string>

namespace autoglm {

/// Strict, except that the text's bytes outside ASCII are not looked at.
class JsonScanner {
 public:
  enum class Step {
    kMore,       ///< the byte belongs to the value, which goes on
    kEnd,        ///< the byte was the value's last
    kEndBefore,  ///< the value (a number) had ended: the byte does not belong to it
    kError,      ///< no JSON value goes on like this
  };

  static constexpr size_t kMaxDepth = 256;

  Step Push(char c);
  /// Inside a string, where a raw control character would be an error.
  bool in_string() const { return state_ == State::kString; }

 private:
  enum class State {
    kValue,
    kFirstValueOrEnd,
    kFirstKeyOrEnd,
    kKey,
    kColon,
    kCommaOrEnd,
    kString,
    kEscape,
    kHex,
    kLiteral,
    kMinus,
    kZero,
    kInteger,
    kPoint,
    kFraction,
    kExponent,
    kExponentSign,
    kExponentDigits,
    kDone,
  };

  Step BeginValue(char c);
  Step InNumber(char c);
  Step InString(char c);
  Step Close(char c);
  /// A value inside the outermost one has ended, or the outermost itself.
  Step AfterValue();

  State state_ = State::kValue;
  std::string open_;            ///< '{' and '[' that wait for their ends
  bool string_is_key_ = false;  ///< the string under way
  int n_hex_ = 0;               ///< digits that \u still wants
  const char* literal_ = "";    ///< what is left of true, false, null
};

}  // namespace autoglm

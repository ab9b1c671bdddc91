// CallObject: reads a call that is a JSON object with the tool's name and its arguments, while the
// object is still being written.
#pragma once

#include <string>
#include <string_view>

#include "chat/call_syntax.h"
#include "chat/json_scanner.h"

namespace autoglm {

/// Who hears of a call.
class CallSink {
 public:
  virtual ~CallSink() = default;
  /// False: no call of this name is possible here.
  virtual bool BeginCall(std::string_view name, std::string_view id) = 0;
  /// A piece of the arguments' JSON, behind BeginCall.
  virtual void AddArguments(std::string_view piece) = 0;
};

enum class ReadProgress {
  kWait,  ///< everything is read, and more must come
  kDone,
  kError,  ///< this is no call
};

/// More than this of a call whose name is not known yet is none.
constexpr size_t kMaxHeldBytes = 64 << 10;

/// Pushes `c` into `scanner` and appends what belongs to the value to `out`. A raw control
/// character in a string, which small models write and JSON forbids, is escaped.
JsonScanner::Step PushRepaired(char c, JsonScanner* scanner, std::string* out);

/// The keys may come in any order; others than those of a call are passed over. Arguments that are
/// a string with an object in it count as the object.
class CallObject {
 public:
  explicit CallObject(const CallSyntax& syntax) : syntax_(&syntax) {}

  /// Takes bytes from the front of `text` until the object ends.
  ReadProgress Read(std::string_view* text, CallSink* sink);

 private:
  enum class State { kOpen, kFirstKeyOrEnd, kKey, kKeyString, kColon, kValue, kCommaOrEnd, kEnd };
  enum class Field { kName, kArguments, kId, kOther };

  bool Push(char c, CallSink* sink);
  bool PushValue(char c, CallSink* sink);
  bool EndKey();
  bool EndValue(CallSink* sink);
  bool EndObject(CallSink* sink);
  bool Begin(CallSink* sink);

  const CallSyntax* syntax_;
  State state_ = State::kOpen;
  Field field_ = Field::kOther;
  JsonScanner scanner_;  ///< of the key or value under way
  std::string key_;      ///< with quotes
  std::string value_;    ///< of a field that is not streamed
  std::string name_, id_;
  std::string arguments_;  ///< that the sink has not got yet
  bool has_arguments_ = false;
  bool streams_ = false;  ///< the value under way is an object of arguments
  bool begun_ = false;
};

}  // namespace autoglm

// SseParser: server-sent events out of a body that comes in pieces.
// Source: WHATWG HTML, "Server-sent events", section "Interpreting an event stream".
#pragma once

#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "base/status.h"

namespace autoglm {

/// Of an event's fields only `data` is kept, which is all that OpenAI's interface needs. One thread
/// at a time.
class SseParser {
 public:
  /// `event` gets each event's data (lines joined by '\n'), and ends the reading by returning
  /// false. kDataLoss where an event is larger than 16 MiB; kCancelled where `event` ended it.
  Status Feed(std::string_view bytes, FunctionRef<bool(std::string_view data)> event);

 private:
  bool EndLine(FunctionRef<bool(std::string_view data)> event);

  std::string line_;
  std::string data_;
  bool has_data_ = false;
  bool after_return_ = false;  ///< the last byte was '\r': a '\n' now belongs to it
};

}  // namespace autoglm

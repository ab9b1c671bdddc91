// HttpResponseParser: an HTTP/1.1 answer as its bytes come in: status, fields, and a body by
// length, in chunks, or up to the end of the connection. Source: RFC 9110 and RFC 9112.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/function_ref.h"
#include "base/status.h"

namespace autoglm {

/// One answer; interim ones (1xx) are passed over. What a server may send without end is bounded:
/// 64 KiB of head, 1 KiB for a chunk's size line, 16 KiB of trailer; the body is handed on as it
/// comes. One thread at a time.
class HttpResponseParser {
 public:
  using BodyCallback = FunctionRef<void(std::string_view piece)>;

  /// The next bytes from the server; `body` gets each piece of the body. What follows the end of
  /// the answer is ignored. kDataLoss where it is not HTTP; it stays failed.
  Status Feed(std::string_view bytes, BodyCallback body);
  /// The connection has ended. kDataLoss where more was to come.
  Status FeedEnd();

  bool head_done() const { return state_ > State::kHead; }
  bool done() const { return state_ == State::kDone; }
  int status() const { return status_code_; }
  /// The field's first value; names are compared without case.
  std::optional<std::string_view> Field(std::string_view name) const;

 private:
  enum class State {
    kHead,
    kLengthBody,
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailer,
    kUntilEnd,
    kDone
  };

  Status ParseHead(std::string_view head);
  Status ParseField(std::string_view line);
  Status ChooseBody();
  Status Step(std::string_view* bytes, BodyCallback body);
  /// Takes a line off `*bytes` into line_; false where its end has not come.
  Result<bool> TakeLine(std::string_view* bytes, size_t max_bytes);
  Status ParseChunkSize();

  State state_ = State::kHead;
  Status failure_;
  std::string line_;  ///< the head, or a line of which the end has not come
  int status_code_ = 0;
  std::vector<std::pair<std::string, std::string>> fields_;
  uint64_t body_left_ = 0;  ///< of the body, or of the chunk
  size_t trailer_bytes_ = 0;
};

}  // namespace autoglm

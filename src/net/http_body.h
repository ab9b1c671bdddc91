// HttpBody: the bytes behind a request's header to its body: of a length that was announced, or in
// chunks. Source: RFC 9112, sections 6 and 7.1.
//
// Of our own, since Boost.Beast 1.74 asserts (and so ends the process) where the last chunk arrives
// in unlucky pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace autoglm {

/// Any bytes are fine. One thread at a time.
class HttpBody {
 public:
  enum class State {
    kReading,
    kDone,
    kTooLarge,   ///< longer than it may be
    kMalformed,  ///< chunks that are none
  };

  /// `max_bytes`: of the body; `max_line_bytes`: of one chunk's header, and of all trailers.
  HttpBody(size_t max_bytes, size_t max_line_bytes)
      : max_bytes_(max_bytes), max_line_bytes_(max_line_bytes) {}

  /// Once, first. kTooLarge at once where the length is.
  void StartLength(uint64_t n_bytes);
  void StartChunks();

  /// Reads from the start of `bytes` and returns how many were used: all of them unless the body
  /// ends before, or is wrong.
  size_t Feed(std::string_view bytes);

  State state() const { return state_; }
  std::string& text() { return text_; }
  const std::string& text() const { return text_; }

 private:
  enum class Part { kData, kChunkHeader, kChunkEnd, kTrailers };

  size_t FeedData(std::string_view bytes);
  size_t FeedLine(std::string_view bytes);
  /// A whole line, without its end.
  void TakeLine(std::string_view line);
  void TakeChunkHeader(std::string_view line);

  const size_t max_bytes_;
  const size_t max_line_bytes_;
  State state_ = State::kReading;
  bool chunked_ = false;
  Part part_ = Part::kData;
  uint64_t n_left_ = 0;  ///< of the data
  std::string line_;     ///< read so far
  size_t n_trailer_bytes_ = 0;
  std::string text_;
};

}  // namespace autoglm

// HttpParser: bytes to one HTTP/1.1 request, within limits. Source: RFC 9112.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/http.h"

namespace autoglm {

struct HttpLimits {
  size_t max_header_bytes = 16 << 10;  ///< request line and headers
  size_t max_body_bytes = 8 << 20;
};

/// Reads one request; a new parser reads the next one. Any bytes are fine. One thread at a time.
class HttpParser {
 public:
  enum class State {
    kHeader,  ///< the header is not complete
    kBody,    ///< the header is there and the body is not complete
    kDone,
    kFailed,  ///< see error_status() and error()
  };

  explicit HttpParser(const HttpLimits& limits);
  ~HttpParser();

  /// Reads from the start of `bytes` and returns how many were used. What was not is given again,
  /// with more behind it. Nothing is used once the state is kDone or kFailed. A header that exceeds
  /// its limit fails before it is complete; so does a body whose announced length does.
  size_t Feed(std::string_view bytes);

  State state() const;
  /// The HTTP status to refuse the request with, and why.
  int error_status() const;
  const std::string& error() const;

  /// From kBody on: bytes of body that were announced; 0 where it comes in chunks.
  uint64_t content_length() const;
  /// From kBody on: the client waits for "100 Continue" before it sends the body.
  bool expects_continue() const;
  /// From kBody on: the connection may serve another request.
  bool keep_alive() const;
  /// From kBody on: HTTP/1.1, whose bodies may be sent in chunks.
  bool understands_chunks() const;
  /// Bytes of body read so far.
  size_t body_bytes() const;

  /// In kDone, once.
  HttpRequest Take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// "%41b" -> "Ab"; a '%' that is not followed by two hexadecimal digits stands for itself.
std::string PercentDecode(std::string_view text);

}  // namespace autoglm

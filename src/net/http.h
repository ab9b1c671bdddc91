// What the HTTP server and whoever answers its requests have in common. The library that speaks the
// protocol is not seen here. Source: RFC 9110 (semantics), RFC 9112 (HTTP/1.1).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace autoglm {

struct HttpHeader {
  std::string name;
  std::string value;
};

/// Who sent a request.
struct Peer {
  std::string address;          ///< "127.0.0.1:51234"; "unix" for a unix socket
  std::optional<uint32_t> uid;  ///< of the process at the other end of a unix socket
};

struct HttpRequest {
  std::string method;      ///< "GET", as sent (methods are case-sensitive)
  std::string path;        ///< the target up to '?', percent-decoded
  std::string query = {};  ///< behind '?', as sent
  std::vector<HttpHeader> headers = {};
  std::string body = {};
  Peer peer;

  /// The first header of this name, whatever its case; null where there is none.
  const std::string* FindHeader(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::vector<HttpHeader> headers = {};  ///< without Content-Length and Connection, which are added
  std::string body = {};
};

/// "Not Found" for 404; "Unknown" for what RFC 9110 does not know.
std::string_view ReasonPhrase(int status);

/// What answers one request. The connection asks it for what there is to send whenever the client
/// can take more, always on the same thread, one call at a time; whoever has news for it calls its
/// Waker. So nothing is ever queued for a client that does not read. Destroyed on that thread;
/// before kEnd this means that the client has gone, or was too slow, and nobody wants the rest.
class Answer {
 public:
  enum class Progress {
    kWait,   ///< nothing to send now; the response is unchanged
    kPiece,  ///< a piece of the body is there and more will follow
    kEnd,    ///< the rest of the body, possibly empty
  };

  virtual ~Answer() = default;

  /// Puts what there is into `response`, which is empty: status and headers in the first call that
  /// does not return kWait, and the body's next piece. Not called again after kEnd. An answer that
  /// ends at once goes out with its length, another one in chunks.
  virtual Progress Poll(HttpResponse* response) = 0;
};

/// Makes the connection poll its answer again, soon. Copies do the same; any thread; harmless when
/// the connection is gone. Cheap when called often.
using Waker = std::function<void()>;

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  /// Answers `request`; called on any of the server's threads, several at a time. Must not block.
  virtual std::unique_ptr<Answer> Handle(HttpRequest request, Waker waker) = 0;

  /// The body of a response to what is no acceptable request (too large, malformed, too slow, or
  /// the server is full); the same threads.
  virtual HttpResponse Refuse(int status, std::string_view why) = 0;
};

/// The answer that is already there.
std::unique_ptr<Answer> Respond(HttpResponse response);

}  // namespace autoglm

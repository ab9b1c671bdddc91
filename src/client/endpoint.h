// Where a server is: a TCP address or a unix socket, and a connection to it. POSIX.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "platform/file.h"

namespace autoglm {

struct Endpoint {
  std::string host;  ///< a name or an address; empty for a unix socket
  std::string port;
  std::string unix_path;  ///< empty for TCP

  /// "http://HOST[:PORT]", "HOST:PORT" or "unix:PATH". kInvalidArgument; kUnimplemented for
  /// "https:".
  static Result<Endpoint> Parse(std::string_view server);
  /// As a Host field wants it.
  std::string HostField() const;
};

/// Whoever waits gives up soon after the number changes.
using CancelCount = std::atomic<uint64_t>;

/// A connection. One thread at a time. kIoError where the other side fails, kCancelled;
/// `*timed_out` is set where the time was over.
class Connection {
 public:
  /// Tries each of the host's addresses. Also kNotFound (no such host or socket).
  static Result<Connection> Open(const Endpoint& endpoint, int timeout_ms,
                                 const CancelCount& cancel, bool* timed_out);

  Status Send(std::string_view bytes, int timeout_ms, bool* timed_out);
  /// At least one byte, into `buffer`; 0 at the end of the connection.
  Result<size_t> Receive(std::span<char> buffer, int timeout_ms, bool* timed_out);

 private:
  Connection(ScopedFd fd, const CancelCount& cancel)
      : fd_(std::move(fd)), cancel_(&cancel), cancel_seen_(cancel.load()) {}
  Status Connect(const void* address, uint32_t n_bytes, int timeout_ms, bool* timed_out);
  /// Until the socket is ready for `events`.
  Status Wait(short events, int timeout_ms, bool* timed_out) const;

  ScopedFd fd_;
  const CancelCount* cancel_;
  uint64_t cancel_seen_;
};

}  // namespace autoglm

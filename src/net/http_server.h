// HttpServer: HTTP/1.1 over TCP (plain or TLS) and unix sockets, with limits on everything that a
// client decides: header and body sizes, times, connections.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "net/http.h"
#include "net/http_parser.h"

namespace autoglm {

struct HttpServerOptions {
  std::string host = "127.0.0.1";         ///< an address; empty: no TCP
  uint16_t port = 8080;                   ///< 0: one that is free
  std::string unix_path = {};             ///< empty: no unix socket
  unsigned unix_mode = 0600;              ///< permissions of the socket
  std::string tls_certificate_file = {};  ///< PEM; with the key: TCP is TLS
  std::string tls_key_file = {};
  int n_threads = 2;

  HttpLimits limits = {};
  int64_t max_total_body_bytes = 64 << 20;  ///< of all bodies being received
  int max_connections = 4096;               ///< beyond it, clients are refused with 503
  int64_t header_timeout_ms = 10'000;       ///< from a request's first byte to its header's end
  int64_t body_timeout_ms = 30'000;         ///< from there to its body's end
  int64_t idle_timeout_ms = 75'000;         ///< between requests
  int64_t write_timeout_ms = 30'000;        ///< for a client to take a piece, plus 1 s each 64 KB
};

/// Runs from Start to Stop on threads of its own.
class HttpServer {
 public:
  /// Listens. `handler` must outlive the server. kInvalidArgument (an address that is none,
  /// certificates), kFailedPrecondition (the port or path is in use), kPermissionDenied, kIoError.
  static Result<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                   HttpHandler& handler);
  ~HttpServer();

  /// The TCP port that it listens on; 0 without TCP.
  uint16_t port() const;
  int n_connections() const;

  /// Stops listening, closes idle connections, lets answers under way end until `drain_ms` have
  /// passed, then closes those too. Returns when the threads have ended. Once.
  void Stop(int64_t drain_ms);

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// True for 127.0.0.0/8, ::1 and "localhost".
bool IsLoopback(const std::string& host);

}  // namespace autoglm

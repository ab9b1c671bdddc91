// Transport: the byte stream under a connection: a TCP or unix socket, plain or inside TLS. Keeps
// the sockets' library out of whoever includes this.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace boost::asio::ssl {
class context;
}

namespace autoglm {

/// Belongs to one thread, that of its event loop, which calls the handlers. It must live until
/// every handler was called, which Close makes happen soon: handlers keep its owner alive.
class Transport {
 public:
  using Handler = std::function<void(bool ok, size_t n_bytes)>;

  virtual ~Transport() = default;

  /// Once, before anything else.
  virtual void AsyncHandshake(Handler handler) = 0;
  /// At least one byte into [data, data + size); not ok at the end of the stream and on errors. The
  /// memory must stay until the handler was called.
  virtual void AsyncRead(char* data, size_t size, Handler handler) = 0;
  /// All of `bytes`, which must stay until the handler was called. One write at a time.
  virtual void AsyncWrite(std::string_view bytes, Handler handler) = 0;
  /// Calls back once the socket has something to read, the end of the stream included.
  virtual void AsyncWaitReadable(Handler handler) = 0;
  /// The other end has closed its side (or all of it), even if data wait to be read.
  virtual bool PeerHasGone() const = 0;
  /// Tells the other end that nothing more will come.
  virtual void CloseWriting() = 0;
  virtual void Close() = 0;
};

/// Certificates for TLS, read once.
class TlsContext {
 public:
  /// PEM files. TLS 1.2 and later. kNotFound, kInvalidArgument with what OpenSSL says.
  static Result<std::unique_ptr<TlsContext>> Load(const std::string& certificate_file,
                                                  const std::string& key_file);
  explicit TlsContext(std::unique_ptr<boost::asio::ssl::context> context);
  ~TlsContext();
  boost::asio::ssl::context& context() { return *context_; }

 private:
  std::unique_ptr<boost::asio::ssl::context> context_;
};

}  // namespace autoglm

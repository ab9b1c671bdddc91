// A socket inside TLS, by OpenSSL.
#include <sys/socket.h>

#include <array>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "net/transport_asio.h"

namespace autoglm {
namespace {

namespace ssl = boost::asio::ssl;

using TlsStream = ssl::stream<StreamSocket>;

/// What a client reads that has begun to speak HTTP where TLS is spoken.
constexpr std::string_view kPlainRefusal =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 46\r\n"
    "Connection: close\r\n\r\n"
    "This port speaks HTTPS only; ask with https://";

/// A TLS record begins with a byte below 64, every method of HTTP with a letter.
bool LooksLikeHttp(int socket) {
  char first = 0;
  const ssize_t n = recv(socket, &first, 1, MSG_PEEK | MSG_DONTWAIT);
  return n == 1 && first >= 'A' && first <= 'Z';
}

class TlsTransport final : public AsioTransport<TlsStream> {
 public:
  TlsTransport(StreamSocket socket, ssl::context& context) : stream_(std::move(socket), context) {}
  void AsyncHandshake(Handler handler) override {
    socket().async_wait(StreamSocket::wait_read, [this, handler = std::move(handler)](
                                                     boost::system::error_code error) mutable {
      if (error) return handler(false, 0);
      if (LooksLikeHttp(socket().native_handle())) return RefusePlain(std::move(handler));
      stream_.async_handshake(ssl::stream_base::server,
                              [handler = std::move(handler)](boost::system::error_code failed) {
                                handler(!failed, 0);
                              });
    });
  }

 private:
  void RefusePlain(Handler handler) {
    boost::asio::async_write(
        socket(), boost::asio::buffer(kPlainRefusal),
        [this, handler = std::move(handler)](boost::system::error_code error, size_t) mutable {
          if (error) return handler(false, 0);
          CloseWriting();
          ReadToEnd(std::move(handler));
        });
  }

  /// Closing with unread data would make the other end drop what it has not read yet.
  void ReadToEnd(Handler handler) {
    socket().async_read_some(
        boost::asio::buffer(ignored_),
        [this, handler = std::move(handler)](boost::system::error_code error, size_t) mutable {
          if (error) return handler(false, 0);
          ReadToEnd(std::move(handler));
        });
  }

  TlsStream& stream() override { return stream_; }
  StreamSocket& socket() override { return stream_.next_layer(); }
  TlsStream stream_;
  std::array<char, 1024> ignored_;  ///< what a refused client goes on to send
};

}  // namespace

std::unique_ptr<Transport> NewTlsTransport(StreamSocket socket, TlsContext& tls) {
  return std::make_unique<TlsTransport>(std::move(socket), tls.context());
}

TlsContext::TlsContext(std::unique_ptr<ssl::context> context) : context_(std::move(context)) {}
TlsContext::~TlsContext() = default;

Result<std::unique_ptr<TlsContext>> TlsContext::Load(const std::string& certificate_file,
                                                     const std::string& key_file) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  boost::system::error_code error;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                           ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                           ssl::context::no_tlsv1_1,
                       error);
  if (!error) context->use_certificate_chain_file(certificate_file, error);
  if (error) {
    return Error(StatusCode::kInvalidArgument, "cannot use '", certificate_file,
                 "' as certificates (PEM): ", error.message());
  }
  context->use_private_key_file(key_file, ssl::context::pem, error);
  if (error) {
    return Error(StatusCode::kInvalidArgument, "cannot use '", key_file,
                 "' as the certificate's private key (PEM): ", error.message());
  }
  return std::make_unique<TlsContext>(std::move(context));
}

}  // namespace autoglm

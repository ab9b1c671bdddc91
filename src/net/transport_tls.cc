// A socket inside TLS, by OpenSSL.
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "net/transport_asio.h"

namespace autoglm {
namespace {

namespace ssl = boost::asio::ssl;

using TlsStream = ssl::stream<StreamSocket>;

class TlsTransport final : public AsioTransport<TlsStream> {
 public:
  TlsTransport(StreamSocket socket, ssl::context& context) : stream_(std::move(socket), context) {}
  void AsyncHandshake(Handler handler) override {
    stream_.async_handshake(
        ssl::stream_base::server,
        [handler = std::move(handler)](boost::system::error_code error) { handler(!error, 0); });
  }

 private:
  TlsStream& stream() override { return stream_; }
  StreamSocket& socket() override { return stream_.next_layer(); }
  TlsStream stream_;
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

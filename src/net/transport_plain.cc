// A socket as it is.
#include "net/transport_asio.h"

namespace autoglm {
namespace {

class PlainTransport final : public AsioTransport<StreamSocket> {
 public:
  explicit PlainTransport(StreamSocket socket) : socket_(std::move(socket)) {}
  void AsyncHandshake(Handler handler) override { handler(true, 0); }

 private:
  StreamSocket& stream() override { return socket_; }
  StreamSocket& socket() override { return socket_; }
  StreamSocket socket_;
};

}  // namespace

std::unique_ptr<Transport> NewPlainTransport(StreamSocket socket) {
  return std::make_unique<PlainTransport>(std::move(socket));
}

}  // namespace autoglm

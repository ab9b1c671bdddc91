// Transports over Boost.Asio sockets. Included by the server's own files only: its headers are slow
// to compile.
#pragma once

#include <poll.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <utility>

#include "net/transport.h"

namespace autoglm {

using StreamSocket = boost::asio::generic::stream_protocol::socket;

std::unique_ptr<Transport> NewPlainTransport(StreamSocket socket);
std::unique_ptr<Transport> NewTlsTransport(StreamSocket socket, TlsContext& tls);

/// What both kinds do alike. `Stream` is the socket or what lies around it.
template <typename Stream>
class AsioTransport : public Transport {
 public:
  void AsyncRead(char* data, size_t size, Handler handler) override {
    stream().async_read_some(boost::asio::buffer(data, size),
                             [handler = std::move(handler)](boost::system::error_code error,
                                                            size_t n) { handler(!error, n); });
  }
  void AsyncWrite(std::string_view bytes, Handler handler) override {
    boost::asio::async_write(stream(), boost::asio::buffer(bytes.data(), bytes.size()),
                             [handler = std::move(handler)](boost::system::error_code error,
                                                            size_t n) { handler(!error, n); });
  }
  void AsyncWaitReadable(Handler handler) override {
    socket().async_wait(
        StreamSocket::wait_read,
        [handler = std::move(handler)](boost::system::error_code error) { handler(!error, 0); });
  }
  bool PeerHasGone() const override {
    pollfd state = {const_cast<AsioTransport*>(this)->socket().native_handle(), POLLRDHUP, 0};
    return poll(&state, 1, 0) > 0 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
  }
  void CloseWriting() override {
    boost::system::error_code ignored;
    socket().shutdown(StreamSocket::shutdown_send, ignored);
  }
  void Close() override {
    boost::system::error_code ignored;
    socket().close(ignored);
  }

 protected:
  virtual Stream& stream() = 0;
  virtual StreamSocket& socket() = 0;
};

}  // namespace autoglm

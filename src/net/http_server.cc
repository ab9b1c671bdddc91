// See http_server.h.
#include "net/http_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

#include "base/str.h"
#include "net/connection.h"
#include "net/transport_asio.h"

namespace autoglm {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;
using boost::system::error_code;

/// How long accepting rests where the process has no file descriptor left.
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

Status ListenError(const error_code& error, std::string_view what) {
  StatusCode code = StatusCode::kIoError;
  if (error == asio::error::access_denied) code = StatusCode::kPermissionDenied;
  if (error == asio::error::address_in_use) code = StatusCode::kFailedPrecondition;
  return Error(code, "cannot listen on ", what, ": ", error.message());
}

Result<asio::ip::address> ParseAddress(const std::string& host) {
  if (host == "localhost") return asio::ip::address(asio::ip::address_v4::loopback());
  error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  if (!error) return address;
  return Error(StatusCode::kInvalidArgument, "'", Quoted(host),
               "' is no address to listen on; expected one as 127.0.0.1 or ::1");
}

std::string ToString(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return endpoint.address().is_v6() ? StrCat('[', address, "]:", endpoint.port())
                                    : StrCat(address, ':', endpoint.port());
}

Peer PeerOf(StreamSocket& socket, bool is_unix) {
  Peer peer;
  if (is_unix) {
    peer.address = "unix";
    ucred credentials = {};
    socklen_t size = sizeof(credentials);
    if (getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
      peer.uid = credentials.uid;
    }
    return peer;
  }
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  tcp::endpoint endpoint;
  if (!error && remote.size() <= endpoint.capacity()) {
    std::copy_n(static_cast<const char*>(static_cast<const void*>(remote.data())), remote.size(),
                static_cast<char*>(static_cast<void*>(endpoint.data())));
    peer.address = ToString(endpoint);
  }
  return peer;
}

}  // namespace

bool IsLoopback(const std::string& host) {
  if (host == "localhost") return true;
  error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

struct HttpServer::Impl {
  ServerState state;
  std::unique_ptr<TlsContext> tls;
  std::vector<std::shared_ptr<EventLoop>> loops;  ///< the first one also accepts
  std::unique_ptr<tcp::acceptor> tcp_acceptor;
  std::unique_ptr<stream_protocol::acceptor> unix_acceptor;
  std::unique_ptr<asio::steady_timer> accept_timer;
  uint16_t port = 0;
  size_t next_loop = 0;
  std::mutex mutex;
  struct Known {
    const EventLoop* loop;  ///< on whose thread alone it may be locked, lest it dies elsewhere
    std::weak_ptr<Connection> connection;
  };
  std::vector<Known> connections;  ///< those that live, and some that did

  Status Listen();
  Status ListenTcp();
  Status ListenUnix();
  template <typename Acceptor>
  void Accept(Acceptor& acceptor, bool is_unix);
  void Welcome(StreamSocket socket, const std::shared_ptr<EventLoop>& loop, bool is_unix);
  void Remember(const EventLoop* loop, const std::shared_ptr<Connection>& connection);
  void ForEachConnection(void (Connection::*method)());
};

Status HttpServer::Impl::Listen() {
  const HttpServerOptions& options = state.options;
  if (!options.tls_certificate_file.empty() || !options.tls_key_file.empty()) {
    AUTOGLM_ASSIGN_OR_RETURN(tls,
                             TlsContext::Load(options.tls_certificate_file, options.tls_key_file));
  }
  for (int i = 0; i < std::max(options.n_threads, 1); ++i) {
    loops.push_back(std::make_shared<EventLoop>());
  }
  accept_timer = std::make_unique<asio::steady_timer>(loops[0]->io());
  if (!options.host.empty()) AUTOGLM_RETURN_IF_ERROR(ListenTcp());
  if (!options.unix_path.empty()) AUTOGLM_RETURN_IF_ERROR(ListenUnix());
  if (tcp_acceptor) loops[0]->Post([this] { Accept(*tcp_acceptor, /*is_unix=*/false); });
  if (unix_acceptor) loops[0]->Post([this] { Accept(*unix_acceptor, /*is_unix=*/true); });
  return OkStatus();
}

Status HttpServer::Impl::ListenTcp() {
  AUTOGLM_ASSIGN_OR_RETURN(const asio::ip::address address, ParseAddress(state.options.host));
  const tcp::endpoint endpoint(address, state.options.port);
  tcp_acceptor = std::make_unique<tcp::acceptor>(loops[0]->io());
  error_code error;
  tcp_acceptor->open(endpoint.protocol(), error);
  if (!error) tcp_acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) tcp_acceptor->bind(endpoint, error);
  if (!error) tcp_acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error) return ListenError(error, ToString(endpoint));
  port = tcp_acceptor->local_endpoint(error).port();
  return OkStatus();
}

Status HttpServer::Impl::ListenUnix() {
  const std::string& path = state.options.unix_path;
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Error(StatusCode::kInvalidArgument, "the unix socket's path has ", path.size(),
                 " bytes; at most ", sizeof(sockaddr_un::sun_path) - 1, " are possible: '",
                 Quoted(path), "'");
  }
  struct stat status = {};
  if (stat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode)) {
      return Error(StatusCode::kFailedPrecondition, "cannot listen on '", path,
                   "': it exists and is no socket");
    }
    error_code error;
    stream_protocol::socket probe(loops[0]->io());
    probe.connect(stream_protocol::endpoint(path), error);
    if (!error) {
      return Error(StatusCode::kFailedPrecondition, "cannot listen on '", path,
                   "': another process serves it");
    }
    unlink(path.c_str());  // left over by one that has died
  }
  unix_acceptor = std::make_unique<stream_protocol::acceptor>(loops[0]->io());
  error_code error;
  unix_acceptor->open(stream_protocol(), error);
  const mode_t old_mask = umask(0177);  // nobody else may connect before the mode is set
  if (!error) unix_acceptor->bind(stream_protocol::endpoint(path), error);
  umask(old_mask);
  if (!error && chmod(path.c_str(), state.options.unix_mode) != 0) {
    error = error_code(errno, boost::system::system_category());
  }
  if (!error) unix_acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error) return ListenError(error, path);
  return OkStatus();
}

template <typename Acceptor>
void HttpServer::Impl::Accept(Acceptor& acceptor, bool is_unix) {
  const std::shared_ptr<EventLoop> loop = loops[next_loop++ % loops.size()];
  auto socket = std::make_shared<StreamSocket>(loop->io());
  acceptor.async_accept(*socket, [this, &acceptor, is_unix, loop, socket](error_code error) {
    if (error == asio::error::operation_aborted || !acceptor.is_open()) return;
    if (error) {
      accept_timer->expires_after(kAcceptPause);
      accept_timer->async_wait([this, &acceptor, is_unix](error_code aborted) {
        if (!aborted) Accept(acceptor, is_unix);
      });
      return;
    }
    Welcome(std::move(*socket), loop, is_unix);
    Accept(acceptor, is_unix);
  });
}

void HttpServer::Impl::Welcome(StreamSocket socket, const std::shared_ptr<EventLoop>& loop,
                               bool is_unix) {
  error_code ignored;
  if (!is_unix) socket.set_option(tcp::no_delay(true), ignored);
  Peer peer = PeerOf(socket, is_unix);
  std::unique_ptr<Transport> transport = tls && !is_unix ? NewTlsTransport(std::move(socket), *tls)
                                                         : NewPlainTransport(std::move(socket));
  const bool full = state.n_connections >= state.options.max_connections;
  if (full && state.n_connections >= 2 * state.options.max_connections) return;
  auto connection =
      std::make_shared<Connection>(loop, std::move(transport), std::move(peer), &state);
  Remember(loop.get(), connection);
  loop->Post([connection = std::move(connection), full] {
    if (full) return connection->StartRefused(503, "the server has too many connections");
    connection->Start();
  });
}

void HttpServer::Impl::Remember(const EventLoop* loop,
                                const std::shared_ptr<Connection>& connection) {
  std::lock_guard lock(mutex);
  const size_t n_alive = static_cast<size_t>(state.n_connections);
  if (connections.size() > 2 * n_alive + 16) {
    std::erase_if(connections, [](const Known& known) { return known.connection.expired(); });
  }
  connections.push_back({loop, connection});
}

void HttpServer::Impl::ForEachConnection(void (Connection::*method)()) {
  for (const auto& loop : loops) {
    loop->Post([this, loop = loop.get(), method] {
      std::vector<std::weak_ptr<Connection>> own;
      {
        std::lock_guard lock(mutex);
        for (const Known& known : connections) {
          if (known.loop == loop) own.push_back(known.connection);
        }
      }
      for (const auto& weak : own) {
        if (const auto connection = weak.lock()) ((*connection).*method)();
      }
    });
  }
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { Stop(0); }

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                      HttpHandler& handler) {
  auto impl = std::make_unique<Impl>();
  impl->state.options = options;
  impl->state.handler = &handler;
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(impl)));
  AUTOGLM_RETURN_IF_ERROR(server->impl_->Listen());
  return server;
}

uint16_t HttpServer::port() const { return impl_->port; }
int HttpServer::n_connections() const { return impl_->state.n_connections; }

void HttpServer::Stop(int64_t drain_ms) {
  if (impl_->loops.empty()) return;
  Impl& impl = *impl_;
  impl.state.draining = true;
  impl.loops[0]->Post([&impl] {
    error_code ignored;
    if (impl.tcp_acceptor) impl.tcp_acceptor->close(ignored);
    if (impl.unix_acceptor) impl.unix_acceptor->close(ignored);
    impl.accept_timer->cancel();
  });
  if (impl.unix_acceptor) unlink(impl.state.options.unix_path.c_str());
  impl.ForEachConnection(&Connection::Drain);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(drain_ms);
  while (impl.state.n_connections > 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  impl.ForEachConnection(&Connection::Close);
  for (const auto& loop : impl.loops) loop->Stop();
  impl.tcp_acceptor.reset();
  impl.unix_acceptor.reset();
  impl.accept_timer.reset();
  impl.loops.clear();
}

}  // namespace autoglm

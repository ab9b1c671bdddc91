#include "client/endpoint.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

namespace autoglm {
namespace {

using Clock = std::chrono::steady_clock;

/// How soon a cancelled call notices.
constexpr int kSliceMs = 50;

Status SocketError(int error, const char* what) {
  return Error(StatusCode::kIoError, what, ": ", std::strerror(error));
}

Result<ScopedFd> NewSocket(int family) {
  ScopedFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return SocketError(errno, "cannot make a socket");
  return fd;
}

}  // namespace

Result<Endpoint> Endpoint::Parse(std::string_view server) {
  const auto bad = [&] {
    return Error(StatusCode::kInvalidArgument, "'", Quoted(server),
                 "' is no server; expected http://HOST:PORT or unix:PATH");
  };
  Endpoint endpoint;
  if (server.starts_with("unix:")) {
    server.remove_prefix(5);
    if (server.starts_with("//")) server.remove_prefix(2);
    endpoint.unix_path = server;
    if (server.empty() || server.size() >= sizeof(sockaddr_un::sun_path)) return bad();
    return endpoint;
  }
  if (server.starts_with("https:")) {
    return Error(StatusCode::kUnimplemented, "'", Quoted(server),
                 "': encrypted connections are not spoken here; use a tunnel, or a unix socket");
  }
  std::string_view rest = server;
  if (rest.starts_with("http://")) rest.remove_prefix(7);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  std::string_view port = "80";
  const size_t bracket = rest.rfind(']');
  const size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    port = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  const bool plain_port =
      !port.empty() && port.size() <= 5 &&
      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (rest.empty() || rest.find_first_of("/ \t\r\n@?#") != std::string_view::npos || !plain_port) {
    return bad();
  }
  endpoint.host = rest;
  endpoint.port = port;
  return endpoint;
}

std::string Endpoint::HostField() const {
  if (!unix_path.empty()) return "localhost";
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? StrCat('[', host, "]:", port) : StrCat(host, ':', port);
}

Result<Connection> Connection::Open(const Endpoint& endpoint, int timeout_ms,
                                    const CancelCount& cancel, bool* timed_out) {
  if (!endpoint.unix_path.empty()) {
    AUTOGLM_ASSIGN_OR_RETURN(ScopedFd fd, NewSocket(AF_UNIX));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, endpoint.unix_path.c_str(), endpoint.unix_path.size() + 1);
    Connection connection(std::move(fd), cancel);
    AUTOGLM_RETURN_IF_ERROR(
        connection.Connect(&address, sizeof(address), timeout_ms, timed_out)
            .WithContext(StrCat("cannot reach 'unix:", Quoted(endpoint.unix_path), "'")));
    return connection;
  }
  addrinfo hints{};
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string where = endpoint.HostField();
  if (const int error = ::getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &found);
      error != 0) {
    return Error(StatusCode::kNotFound, "cannot find the server '", Quoted(where),
                 "': ", ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  Status last = Error(StatusCode::kNotFound, "it has no address");
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    AUTOGLM_ASSIGN_OR_RETURN(ScopedFd fd, NewSocket(address->ai_family));
    const int on = 1;  // pieces of a request go out at once
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    Connection connection(std::move(fd), cancel);
    last = connection.Connect(address->ai_addr, address->ai_addrlen, timeout_ms, timed_out);
    if (last.ok()) return connection;
    if (last.code() == StatusCode::kCancelled) break;
  }
  return last.WithContext(StrCat("cannot reach '", Quoted(where), "'"));
}

Status Connection::Connect(const void* address, uint32_t n_bytes, int timeout_ms, bool* timed_out) {
  if (::connect(fd_.get(), static_cast<const sockaddr*>(address), n_bytes) == 0) return OkStatus();
  // A unix socket with a full queue says EAGAIN and cannot be waited for; as good as a time-out.
  if (errno == EAGAIN) *timed_out = true;
  if (errno != EINPROGRESS && errno != EINTR) return SocketError(errno, "no connection");
  AUTOGLM_RETURN_IF_ERROR(Wait(POLLOUT, timeout_ms, timed_out));
  int error = 0;
  socklen_t size = sizeof(error);
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error == ETIMEDOUT) *timed_out = true;
  return error == 0 ? OkStatus() : SocketError(error, "no connection");
}

Status Connection::Wait(short events, int timeout_ms, bool* timed_out) const {
  const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  while (true) {
    if (cancel_->load(std::memory_order_relaxed) != cancel_seen_) {
      return Error(StatusCode::kCancelled, "cancelled while waiting for the server");
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd ready = {fd_.get(), events, 0};
    const int n = ::poll(&ready, 1, static_cast<int>(std::clamp<int64_t>(left, 0, kSliceMs)));
    if (n > 0) return OkStatus();
    if (n < 0 && errno != EINTR) return SocketError(errno, "cannot wait for the server");
    if (left > 0) continue;
    *timed_out = true;
    return Error(StatusCode::kIoError, "the server did not answer within ", timeout_ms, " ms");
  }
}

Status Connection::Send(std::string_view bytes, int timeout_ms, bool* timed_out) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      AUTOGLM_RETURN_IF_ERROR(Wait(POLLOUT, timeout_ms, timed_out));
    } else if (errno != EINTR) {
      return SocketError(errno, "cannot send to the server");
    }
  }
  return OkStatus();
}

Result<size_t> Connection::Receive(std::span<char> buffer, int timeout_ms, bool* timed_out) {
  while (true) {
    const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (n >= 0) return static_cast<size_t>(n);
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      AUTOGLM_RETURN_IF_ERROR(Wait(POLLIN, timeout_ms, timed_out));
    } else if (errno != EINTR) {
      return SocketError(errno, "cannot read the server's answer");
    }
  }
}

}  // namespace autoglm

// RawClient: a blocking socket for tests of the server, which says what a test wants, well-formed
// or not.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace autoglm {

class RawClient {
 public:
  /// To a port of the loopback.
  explicit RawClient(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Connect(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  /// To a unix socket.
  explicit RawClient(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    Connect(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { Close(); }

  bool connected() const { return connected_; }
  int fd() const { return fd_; }

  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  /// Reads until `end` has been read, the other end closes, or `timeout_ms` pass without a byte.
  std::string ReadUntil(std::string_view end, int timeout_ms = 10'000) {
    while (buffer_.find(end) == std::string::npos && ReadSome(timeout_ms)) {
    }
    const size_t found = buffer_.find(end);
    const size_t n = found == std::string::npos ? buffer_.size() : found + end.size();
    std::string text = buffer_.substr(0, n);
    buffer_.erase(0, n);
    return text;
  }
  std::string ReadAll(int timeout_ms = 10'000) { return ReadUntil("\n\nnever\n\n", timeout_ms); }

  /// Head and body of one response that says its length.
  std::string ReadResponse() {
    const std::string head = ReadUntil("\r\n\r\n");
    const size_t at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    return head + ReadExactly(std::stoul(head.substr(at + 16)));
  }

  /// `n` bytes; fewer where the other end closes, or says nothing for ten seconds.
  std::string ReadExactly(size_t n) {
    while (buffer_.size() < n && ReadSome(10'000)) {
    }
    std::string text = buffer_.substr(0, n);
    buffer_.erase(0, n);
    return text;
  }

  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  void Connect(const sockaddr* address, socklen_t size) {
    connected_ = connect(fd_, address, size) == 0;
  }
  bool ReadSome(int timeout_ms) {
    pollfd state = {fd_, POLLIN, 0};
    if (poll(&state, 1, timeout_ms) <= 0) return false;
    char bytes[4096];
    const ssize_t n = recv(fd_, bytes, sizeof(bytes), 0);
    if (n <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(n));
    return true;
  }

  int fd_;
  bool connected_ = false;
  std::string buffer_;
};

}  // namespace autoglm

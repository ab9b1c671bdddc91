// Connection: one client's requests, one after another: read, answered, written.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/event_loop.h"
#include "net/http.h"
#include "net/http_parser.h"
#include "net/http_server.h"
#include "net/transport.h"

namespace autoglm {

/// What the connections of one server share.
struct ServerState {
  HttpServerOptions options;
  HttpHandler* handler = nullptr;
  std::atomic<int> n_connections = 0;
  std::atomic<int64_t> body_bytes = 0;  ///< of bodies being read
  std::atomic<bool> draining = false;   ///< no further requests are taken
};

/// Everything happens on the loop's thread. Its own handlers keep it alive; once closed, it dies
/// with the last of them.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<EventLoop> loop, std::unique_ptr<Transport> transport, Peer peer,
             ServerState* server);
  ~Connection();

  void Start();
  /// Sends one refusal and closes: for a connection too many.
  void StartRefused(int status, std::string_view why);
  /// Closes now unless an answer is under way, which may still end.
  void Drain();
  void Close();

 private:
  struct WakeState {
    std::shared_ptr<EventLoop> loop;
    std::weak_ptr<Connection> connection;
    std::atomic<bool> pending = false;
  };
  enum class Phase { kReading, kAnswering, kLingering, kClosed };

  void SetDeadline(int64_t timeout_ms);
  void OnDeadline();
  void Read();
  void OnRead(std::string_view bytes);
  /// Parses what has come in; starts the answer where a request is complete.
  void Parse();
  bool CountBody();
  void Dispatch();
  void Pump();
  void AppendHead(const HttpResponse& response, bool in_pieces);
  void AppendPiece(std::string_view body);
  void Write(bool last);
  void OnWritten(bool last);
  void NextRequest();
  void Refuse(int status, std::string_view why);
  void Linger();
  void WatchPeer();
  void CheckPeer(uint64_t request);

  std::shared_ptr<EventLoop> loop_;
  std::unique_ptr<Transport> transport_;
  Peer peer_;
  ServerState* server_;
  boost::asio::steady_timer deadline_;
  boost::asio::steady_timer watch_timer_;
  std::shared_ptr<WakeState> wake_;

  Phase phase_ = Phase::kReading;
  std::array<char, 16384> chunk_;  ///< where the socket reads to
  std::string input_;              ///< read and not yet parsed
  std::unique_ptr<HttpParser> parser_;
  int64_t counted_body_bytes_ = 0;  ///< of this request, in the server's sum
  bool began_ = false;              ///< bytes of the current request have come
  bool sent_continue_ = false;

  std::unique_ptr<Answer> answer_;
  uint64_t n_requests_ = 0;
  bool keep_alive_ = false;
  bool chunks_ = false;     ///< the client understands chunks
  bool head_sent_ = false;  ///< of the current answer
  bool refused_ = false;    ///< what the client sent is not read to its end
  bool writing_ = false;
  std::string output_;  ///< being written
};

}  // namespace autoglm

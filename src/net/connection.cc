// See connection.h.
#include "net/connection.h"

#include <charconv>
#include <exception>
#include <utility>

#include "base/str.h"

namespace autoglm {
namespace {

/// How long an answered client that is still sending is listened to, so that it gets to read why
/// it was refused.
constexpr int64_t kLingerMs = 1000;
/// How often a client that has sent more than one request at once is looked after.
constexpr auto kWatchInterval = std::chrono::milliseconds(100);
/// A client that reads more slowly than this is too slow.
constexpr int64_t kLeastBytesPerMs = 64;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

Connection::Connection(std::shared_ptr<EventLoop> loop, std::unique_ptr<Transport> transport,
                       Peer peer, ServerState* server)
    : loop_(std::move(loop)),
      transport_(std::move(transport)),
      peer_(std::move(peer)),
      server_(server),
      deadline_(loop_->io()),
      watch_timer_(loop_->io()) {
  ++server_->n_connections;
}

Connection::~Connection() { --server_->n_connections; }

void Connection::Start() {
  wake_ = std::make_shared<WakeState>();
  wake_->loop = loop_;
  wake_->connection = weak_from_this();
  SetDeadline(server_->options.header_timeout_ms);
  transport_->AsyncHandshake([self = shared_from_this()](bool ok, size_t) {
    if (!ok) return self->Close();
    self->NextRequest();
  });
}

void Connection::StartRefused(int status, std::string_view why) {
  SetDeadline(kLingerMs);
  transport_->AsyncHandshake(
      [self = shared_from_this(), status, why = std::string(why)](bool ok, size_t) {
        if (!ok) return self->Close();
        self->Refuse(status, why);
      });
}

void Connection::Drain() {
  keep_alive_ = false;
  if (phase_ == Phase::kReading && !began_) Close();
}

void Connection::Close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  server_->body_bytes -= std::exchange(counted_body_bytes_, 0);
  deadline_.cancel();
  watch_timer_.cancel();
  transport_->Close();
  answer_.reset();
}

void Connection::SetDeadline(int64_t timeout_ms) {
  deadline_.expires_after(std::chrono::milliseconds(timeout_ms));
  deadline_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (!error && self && self->deadline_.expiry() <= std::chrono::steady_clock::now()) {
      self->OnDeadline();
    }
  });
}

void Connection::OnDeadline() {
  if (phase_ == Phase::kReading && began_ && !writing_) {
    return Refuse(408, "the request did not arrive in time");
  }
  Close();
}

void Connection::NextRequest() {
  if (phase_ == Phase::kClosed) return;
  if (server_->draining && input_.empty()) return Close();
  parser_ = std::make_unique<HttpParser>(server_->options.limits);
  phase_ = Phase::kReading;
  began_ = false;
  sent_continue_ = false;
  SetDeadline(n_requests_ == 0 ? server_->options.header_timeout_ms
                               : server_->options.idle_timeout_ms);
  if (input_.empty()) {
    Read();
  } else {
    Parse();
  }
}

void Connection::Read() {
  transport_->AsyncRead(chunk_.data(), chunk_.size(),
                        [self = shared_from_this()](bool ok, size_t n) {
                          if (self->phase_ == Phase::kClosed) return;
                          if (!ok) return self->Close();
                          self->OnRead({self->chunk_.data(), n});
                        });
}

void Connection::OnRead(std::string_view bytes) {
  if (phase_ == Phase::kLingering) return Read();
  input_.append(bytes);
  Parse();
}

void Connection::Parse() {
  if (!began_) {
    began_ = true;
    SetDeadline(server_->options.header_timeout_ms);
  }
  const HttpParser::State before = parser_->state();
  input_.erase(0, parser_->Feed(input_));
  const HttpParser::State state = parser_->state();
  if (state == HttpParser::State::kFailed) {
    return Refuse(parser_->error_status(), parser_->error());
  }
  if (state == HttpParser::State::kHeader) return Read();
  if (before == HttpParser::State::kHeader && state == HttpParser::State::kBody) {
    SetDeadline(server_->options.body_timeout_ms);
  }
  if (!CountBody()) return Refuse(503, "too many requests are being received; try again later");
  if (state == HttpParser::State::kDone) return Dispatch();
  if (parser_->expects_continue() && !sent_continue_) {
    sent_continue_ = true;
    transport_->AsyncWrite(kContinue, [self = shared_from_this()](bool ok, size_t) {
      if (!ok) return self->Close();
      if (self->phase_ == Phase::kReading) self->Read();
    });
    return;
  }
  Read();
}

bool Connection::CountBody() {
  const auto n = static_cast<int64_t>(parser_->body_bytes());
  server_->body_bytes += n - counted_body_bytes_;
  counted_body_bytes_ = n;
  return server_->body_bytes <= server_->options.max_total_body_bytes;
}

void Connection::Dispatch() {
  ++n_requests_;
  keep_alive_ = parser_->keep_alive() && !server_->draining;
  chunks_ = parser_->understands_chunks();
  HttpRequest request = parser_->Take();
  parser_.reset();
  server_->body_bytes -= std::exchange(counted_body_bytes_, 0);
  request.peer = peer_;
  phase_ = Phase::kAnswering;
  head_sent_ = false;
  deadline_.cancel();
  const Waker waker = [wake = wake_] {
    if (wake->pending.exchange(true)) return;
    wake->loop->Post([wake] {
      wake->pending = false;
      if (const auto connection = wake->connection.lock()) connection->Pump();
    });
  };
  try {
    answer_ = server_->handler->Handle(std::move(request), waker);
  } catch (const std::exception& error) {
    return Refuse(500, error.what());
  }
  WatchPeer();
  Pump();
}

void Connection::Pump() {
  if (phase_ != Phase::kAnswering || writing_ || answer_ == nullptr) return;
  HttpResponse response;
  Answer::Progress progress;
  try {
    progress = answer_->Poll(&response);
  } catch (const std::exception& error) {
    if (head_sent_) return Close();  // the client sees that the stream does not end as it should
    return Refuse(500, error.what());
  }
  if (progress == Answer::Progress::kWait) return;
  const bool last = progress == Answer::Progress::kEnd;
  output_.clear();
  if (!head_sent_) AppendHead(response, !last);
  if (last && !head_sent_) {
    output_ += response.body;
  } else {
    AppendPiece(response.body);
    if (last && chunks_) output_ += "0\r\n\r\n";
  }
  head_sent_ = true;
  Write(last);
}

void Connection::AppendHead(const HttpResponse& response, bool in_pieces) {
  if (in_pieces && !chunks_) keep_alive_ = false;  // HTTP/1.0: the end of the stream is the end
  StrAppend(&output_, "HTTP/1.1 ", response.status, ' ', ReasonPhrase(response.status), "\r\n");
  for (const HttpHeader& header : response.headers) {
    StrAppend(&output_, header.name, ": ", header.value, "\r\n");
  }
  if (!in_pieces) {
    StrAppend(&output_, "Content-Length: ", response.body.size(), "\r\n");
  } else if (chunks_) {
    output_ += "Transfer-Encoding: chunked\r\n";
  }
  StrAppend(&output_, "Connection: ", keep_alive_ ? "keep-alive" : "close", "\r\n\r\n");
}

void Connection::AppendPiece(std::string_view body) {
  if (body.empty()) return;
  if (!chunks_) {
    output_ += body;
    return;
  }
  char size[20];
  const char* end = std::to_chars(size, size + sizeof(size), body.size(), 16).ptr;
  StrAppend(&output_, std::string_view(size, static_cast<size_t>(end - size)), "\r\n", body,
            "\r\n");
}

void Connection::Write(bool last) {
  writing_ = true;
  SetDeadline(server_->options.write_timeout_ms +
              static_cast<int64_t>(output_.size()) / kLeastBytesPerMs);
  transport_->AsyncWrite(output_, [self = shared_from_this(), last](bool ok, size_t) {
    self->writing_ = false;
    if (self->phase_ == Phase::kClosed) return;
    if (!ok) return self->Close();
    self->OnWritten(last);
  });
}

void Connection::OnWritten(bool last) {
  deadline_.cancel();
  if (!last) return Pump();
  answer_.reset();
  ++n_requests_;  // what still watches the last request's peer may rest
  if (keep_alive_) return NextRequest();
  if (refused_ || !input_.empty()) return Linger();
  Close();
}

void Connection::Refuse(int status, std::string_view why) {
  server_->body_bytes -= std::exchange(counted_body_bytes_, 0);
  phase_ = Phase::kAnswering;
  keep_alive_ = false;
  refused_ = true;
  answer_.reset();
  output_.clear();
  const HttpResponse response = server_->handler->Refuse(status, why);
  AppendHead(response, /*in_pieces=*/false);
  output_ += response.body;
  Write(/*last=*/true);
}

void Connection::Linger() {
  // Closing with unread data would make the other end drop what it has not read yet.
  phase_ = Phase::kLingering;
  input_.clear();
  transport_->CloseWriting();
  SetDeadline(kLingerMs);
  Read();
}

void Connection::WatchPeer() {
  transport_->AsyncWaitReadable([self = shared_from_this(), request = n_requests_](bool, size_t) {
    self->CheckPeer(request);
  });
}

void Connection::CheckPeer(uint64_t request) {
  if (phase_ != Phase::kAnswering || request != n_requests_) return;
  if (transport_->PeerHasGone()) return Close();
  watch_timer_.expires_after(kWatchInterval);
  watch_timer_.async_wait([weak = weak_from_this(), request](boost::system::error_code error) {
    const auto self = weak.lock();
    if (!error && self) self->CheckPeer(request);
  });
}

}  // namespace autoglm

#include "client/http_exchange.h"

#include <array>

#include "client/http_response.h"

namespace autoglm {
namespace {

std::string Head(const Endpoint& endpoint, const HttpCall& call) {
  std::string head =
      StrCat(call.method, ' ', call.path, " HTTP/1.1\r\nHost: ", endpoint.HostField(),
             "\r\nConnection: close\r\n", call.fields);
  if (!call.body.empty()) head += "Content-Type: application/json\r\n";
  if (!call.body.empty() || call.method == "POST") {
    StrAppend(&head, "Content-Length: ", call.body.size(), "\r\n");
  }
  return head += "\r\n";
}

}  // namespace

Status Exchange(const Endpoint& endpoint, const HttpCall& call, const CancelCount& cancel,
                FunctionRef<bool(int http_status, std::string_view piece)> body,
                AttemptOutcome* outcome) {
  *outcome = AttemptOutcome();
  AUTOGLM_ASSIGN_OR_RETURN(
      Connection connection,
      Connection::Open(endpoint, call.connect_timeout_ms, cancel, &outcome->timed_out));
  AUTOGLM_RETURN_IF_ERROR(
      connection.Send(Head(endpoint, call), call.response_timeout_ms, &outcome->timed_out));
  AUTOGLM_RETURN_IF_ERROR(
      connection.Send(call.body, call.response_timeout_ms, &outcome->timed_out));
  HttpResponseParser parser;
  std::array<char, 16384> buffer;
  bool wanted = true;
  const auto on_body = [&](std::string_view piece) {
    outcome->began |= parser.status() / 100 == 2;
    wanted = wanted && body(parser.status(), piece);
  };
  while (!parser.done()) {
    const int timeout_ms = parser.head_done() ? call.idle_timeout_ms : call.response_timeout_ms;
    AUTOGLM_ASSIGN_OR_RETURN(const size_t n,
                             connection.Receive(buffer, timeout_ms, &outcome->timed_out));
    AUTOGLM_RETURN_IF_ERROR(n == 0 ? parser.FeedEnd() : parser.Feed({buffer.data(), n}, on_body));
    if (!wanted) return Error(StatusCode::kCancelled, "ended by the caller");
    if (!parser.head_done()) continue;
    outcome->http_status = parser.status();
    outcome->retry_after_ms =
        ParseRetryAfterMs(parser.Field("retry-after"), parser.Field("retry-after-ms"));
  }
  return OkStatus();
}

}  // namespace autoglm

// AutoGLM Mobile: a client of the inference service (`autoglm serve`), or of any server with
// OpenAI's HTTP interface.
//
//   auto client = Client::Create({.server = "unix:/run/autoglm.sock"});
//   auto answer = (*client)->Chat("", {{"user", "Hello"}}, {}, show);
//
// Nothing here throws.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "autoglm/autoglm.h"
#include "autoglm/status.h"

namespace autoglm {

struct ClientOptions {
  /// "http://127.0.0.1:8080", "http://[::1]:8080" or "unix:/path/of/socket". Encryption is not
  /// spoken: to reach another machine, take a tunnel or a proxy that does.
  std::string server = "http://127.0.0.1:8080";
  std::string api_key = {};        ///< sent as a bearer token where not empty
  std::string request_class = {};  ///< "realtime", "interactive", "batch", or empty: the app's own
  int deadline_ms = 0;             ///< for realtime: the answer is useless later; 0: none

  int connect_timeout_ms = 2000;
  /// Until the answer begins, for each attempt.
  int response_timeout_ms = 30000;
  /// Between two pieces of an answer that has begun.
  int idle_timeout_ms = 60000;

  /// Attempts after the first, on time-outs only: no connection or no answer in time, or the server
  /// says 408 or 504. The k-th of them waits first_wait_ms * wait_factor^(k-1), times a random
  /// factor within [0.5, 1.5], and never less than the server's Retry-After. An answer of which a
  /// piece has come is never asked for again.
  /// Source: SPEC S2.3; M. Brooker, "Exponential Backoff And Jitter", 2015.
  int max_retries = 2;
  double first_wait_ms = 50;
  double wait_factor = 1.5;
  /// Also asks again where the server refused (429, 503) and said when to come back, if that is
  /// within max_retry_after_ms.
  bool retry_refused = false;
  int max_retry_after_ms = 10000;
};

/// What a server answered, whatever its status.
struct ServerResponse {
  int http_status = 0;
  std::string body;
  /// When to come back, where the server says so; else -1.
  int64_t retry_after_ms = -1;
  int n_retries = 0;  ///< attempts beyond the first
};

/// Any thread may call; calls run side by side, each on a connection of its own.
///
/// Errors of every call: kIoError (no connection, a time-out after all retries, an answer cut
/// short), kDataLoss (an answer that is not HTTP, or not what was asked for), kCancelled; and what
/// the server said: kInvalidArgument (400, 422), kPermissionDenied (401, 403), kNotFound (404),
/// kOutOfRange (413), kResourceExhausted (429, 503; the message tells when to come back),
/// kUnimplemented (501), kInternal (other).
class Client {
 public:
  /// kInvalidArgument for a server or a number that cannot be.
  static Result<std::unique_ptr<Client>> Create(const ClientOptions& options);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  /// No call may be under way.
  ~Client();

  /// Ids of the models that the server offers.
  Result<std::vector<std::string>> Models();

  /// The answer to a conversation as it is written, like AutoGLMSession::Chat: `callback` (may be
  /// null) gets each piece of text, on the calling thread, and ends it by returning false. `model`:
  /// an id, or empty: the server's first. Of `options`, those count that OpenAI's interface has a
  /// name for, and top_k, min_p, typical_p, repetition_penalty, ignore_eos. The result has no
  /// tokens.
  Result<GenerateResult> Chat(std::string_view model, const std::vector<ChatMessage>& messages,
                              const ChatOptions& options = {},
                              const TextCallback& callback = nullptr);
  /// The same for a prompt that is continued.
  Result<GenerateResult> Complete(std::string_view model, std::string_view prompt,
                                  const GenerateOptions& options = {},
                                  const TextCallback& callback = nullptr);

  /// Any request: `method` "GET", "POST" or "DELETE", a path as "/v1/models", and a JSON body or
  /// "". The answer whole; an error status is an answer here, not an error.
  Result<ServerResponse> Call(std::string_view method, std::string_view path,
                              std::string_view body);

  /// Ends all calls under way with kCancelled soon, from any thread.
  void Cancel();

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  Result<std::string> FirstModelUnless(std::string_view model);
  std::unique_ptr<Impl> impl_;
};

}  // namespace autoglm

// One request and its answer over a connection of its own.
#pragma once

#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "base/status.h"
#include "client/endpoint.h"
#include "client/retry_policy.h"

namespace autoglm {

struct HttpCall {
  std::string method;
  std::string path;
  std::string fields;  ///< further lines of the head, each ended by "\r\n"
  std::string body;    ///< JSON, or empty
  int connect_timeout_ms = 2000;
  int response_timeout_ms = 30000;
  int idle_timeout_ms = 60000;
};

/// Sends `call`; `body(http_status, piece)` gets each piece of the answer's body and ends the
/// exchange (kCancelled) by returning false. `*outcome` tells how it ended in any case. kIoError,
/// kNotFound (the host), kDataLoss (not HTTP, or cut short), kCancelled.
Status Exchange(const Endpoint& endpoint, const HttpCall& call, const CancelCount& cancel,
                FunctionRef<bool(int http_status, std::string_view piece)> body,
                AttemptOutcome* outcome);

}  // namespace autoglm

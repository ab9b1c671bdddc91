// RequestRecord: what is kept of a request when it has ended, for the log and the metrics.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "qos/request_class.h"

namespace autoglm {

/// Times in milliseconds; 0 where it did not come to that.
struct RequestRecord {
  std::string app;
  std::string route;
  std::string model;  ///< empty where there is no such model: clients must not name metrics
  RequestClass request_class = RequestClass::kInteractive;
  int status = 0;          ///< of HTTP; 499: the client hung up
  std::string error_code;  ///< of ApiError, or its type
  int n_prompt = 0;
  int n_cached = 0;
  int n_generated = 0;
  double queue_ms = 0;
  double first_token_ms = 0;  ///< from the request's arrival
  double total_ms = 0;
  std::string prompt;  ///< the request's body, for apps that let it be logged; else empty
};

/// Receives what happens. Any thread; must not block long.
class RequestObserver {
 public:
  virtual ~RequestObserver() = default;
  virtual void OnRequestEnd(const RequestRecord& record) = 0;
  /// Between two tokens of one answer.
  virtual void OnTokenGap(const RequestRecord& record, double gap_ms) = 0;
};

}  // namespace autoglm

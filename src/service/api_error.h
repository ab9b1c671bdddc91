// ApiError: why a request is refused, in the shape of OpenAI's API.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/status.h"
#include "net/http.h"

namespace autoglm {

/// With status 0 there is no error.
struct ApiError {
  int status = 0;         ///< of HTTP
  std::string type = {};  ///< "invalid_request_error", "rate_limit_error", ...
  std::string message = {};
  std::string param = {};      ///< the field that is wrong, as "messages[0].role"; or empty
  std::string code = {};       ///< "context_length_exceeded", ...; or empty
  int64_t retry_after_ms = 0;  ///< above 0: when it is worth asking again

  bool ok() const { return status == 0; }
};

/// 400 about the field `param`, whose name the message should begin with.
ApiError InvalidField(std::string param, std::string message, std::string code = {});
ApiError NotFoundError(std::string message, std::string code = {});
/// A failure below the API: what the caller can mend becomes a 4xx, the rest 500.
ApiError FromStatus(const Status& status);

/// {"error": {"message", "type", "param", "code"}}.
nlohmann::ordered_json ToJson(const ApiError& error);
HttpResponse ToResponse(const ApiError& error);
HttpResponse JsonResponse(const nlohmann::ordered_json& json, int status = 200);
/// On one line; bytes that are not UTF-8 become U+FFFD.
std::string Dump(const nlohmann::ordered_json& json);

}  // namespace autoglm

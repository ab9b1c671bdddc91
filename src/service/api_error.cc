// See api_error.h.
#include "service/api_error.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/str.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

int HttpStatusOf(StatusCode code) {
  switch (code) {
    case StatusCode::kInvalidArgument:
    case StatusCode::kOutOfRange:
    case StatusCode::kUnimplemented:
    case StatusCode::kFailedPrecondition:
      return 400;
    case StatusCode::kNotFound:
      return 404;
    case StatusCode::kResourceExhausted:
    case StatusCode::kCancelled:
      return 503;
    default:
      return 500;
  }
}

}  // namespace

ApiError InvalidField(std::string param, std::string message, std::string code) {
  return {400, "invalid_request_error", std::move(message), std::move(param), std::move(code)};
}

ApiError NotFoundError(std::string message, std::string code) {
  return {404, "invalid_request_error", std::move(message), {}, std::move(code)};
}

ApiError FromStatus(const Status& status) {
  ApiError error;
  error.status = HttpStatusOf(status.code());
  error.type = error.status < 500 ? "invalid_request_error" : "server_error";
  error.message = status.message();
  return error;
}

Json ToJson(const ApiError& error) {
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? Json() : Json(text);
  };
  return {{"error",
           {{"message", error.message},
            {"type", error.type},
            {"param", text_or_null(error.param)},
            {"code", text_or_null(error.code)}}}};
}

HttpResponse ToResponse(const ApiError& error) {
  HttpResponse response = JsonResponse(ToJson(error), error.status);
  if (error.retry_after_ms > 0) {
    response.headers.push_back({"Retry-After", StrCat((error.retry_after_ms + 999) / 1000)});
    response.headers.push_back({"retry-after-ms", StrCat(error.retry_after_ms)});
  }
  if (error.status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer"});
  return response;
}

HttpResponse JsonResponse(const Json& json, int status) {
  return {status, {{"Content-Type", "application/json"}}, Dump(json) + "\n"};
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace autoglm

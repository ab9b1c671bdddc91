// POST /v1/responses, GET and DELETE /v1/responses/ID. Source: OpenAI's API reference, "Create a
// model response" and "Streaming events".
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/str.h"
#include "service/fields.h"
#include "service/generation_answer.h"
#include "service/generation_spec.h"
#include "service/response_store.h"
#include "service/responses_request.h"
#include "service/route.h"
#include "service/service.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

std::unique_ptr<Answer> NoSuchResponse(const RouteCall& call) {
  return Respond(ToResponse(NotFoundError(
      StrCat("there is no response '", Quoted(call.argument), "' here"), "not_found")));
}

}  // namespace

std::unique_ptr<Answer> HandleResponses(RouteCall call) {
  Json body;
  ApiError error = ParseJsonObject(call.request.body, &body);
  if (!error.ok()) return Respond(ToResponse(error));
  Fields fields(body, "", &error);
  GenerationSpec spec;
  ResponsesRequest request =
      ReadResponsesRequest(fields, call.service->responses(), call.app->name, &spec);
  if (!error.ok()) return Respond(ToResponse(error));
  auto format = std::make_unique<ResponsesFormat>(std::move(request), call.app->name,
                                                  &call.service->responses());
  return Generate(std::move(call), std::move(spec), std::move(format));
}

std::unique_ptr<Answer> HandleResponse(RouteCall call) {
  const auto stored = call.service->responses().Find(call.app->name, call.argument);
  return stored ? Respond(JsonResponse(stored->response)) : NoSuchResponse(call);
}

std::unique_ptr<Answer> HandleResponseDelete(RouteCall call) {
  if (!call.service->responses().Remove(call.app->name, call.argument)) return NoSuchResponse(call);
  return Respond(
      JsonResponse({{"id", call.argument}, {"object", "response.deleted"}, {"deleted", true}}));
}

}  // namespace autoglm

// GET /v1/models and /v1/models/NAME: the models that an app may use.
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "base/str.h"
#include "service/api_error.h"
#include "service/route.h"
#include "service/service.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const ModelState& state) {
  return {{"id", state.name},
          {"object", "model"},
          {"created", state.created_unix_s},
          {"owned_by", "autoglm"}};
}

}  // namespace

std::unique_ptr<Answer> HandleModels(RouteCall call) {
  Json list = Json::array();
  for (const ModelState& state : call.service->models().List()) {
    if (call.app->MayUse(state.name)) list.push_back(ToJson(state));
  }
  return Respond(JsonResponse({{"object", "list"}, {"data", std::move(list)}}));
}

std::unique_ptr<Answer> HandleModel(RouteCall call) {
  for (const ModelState& state : call.service->models().List()) {
    if (state.name == call.argument && call.app->MayUse(state.name)) {
      return Respond(JsonResponse(ToJson(state)));
    }
  }
  return Respond(ToResponse(NotFoundError(
      StrCat("there is no model '", Quoted(call.argument), "' here"), "model_not_found")));
}

}  // namespace autoglm

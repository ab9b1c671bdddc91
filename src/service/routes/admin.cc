// The operator's part: GET /admin/models (with bytes), POST /admin/models/NAME/load, /unload, /pin
// and /unpin.
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "service/api_error.h"
#include "service/model_answer.h"
#include "service/route.h"
#include "service/service.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const ModelState& state) {
  return {{"name", state.name},     {"path", state.path},
          {"loaded", state.loaded}, {"loading", state.loading},
          {"pinned", state.pinned}, {"in_use", state.in_use},
          {"bytes", state.bytes},   {"error", state.error.empty() ? Json() : Json(state.error)}};
}

std::unique_ptr<Answer> Done(const Status& status) {
  if (status.ok()) return Respond(JsonResponse({{"status", "ok"}}));
  ApiError error = FromStatus(status);
  if (status.code() == StatusCode::kFailedPrecondition) error.status = 409;
  return Respond(ToResponse(error));
}

}  // namespace

std::unique_ptr<Answer> HandleAdminModels(RouteCall call) {
  const ModelHost& host = call.service->models();
  Json list = Json::array();
  for (const ModelState& state : host.List()) list.push_back(ToJson(state));
  return Respond(JsonResponse({{"models", std::move(list)},
                               {"budget_bytes", host.budget().capacity_bytes()},
                               {"reserved_bytes", host.budget().reserved_bytes()},
                               {"n_evictions", host.n_evictions()}}));
}

std::unique_ptr<Answer> HandleAdminLoad(RouteCall call) {
  const std::string name = call.argument;
  return WithModel(std::move(call), name, [](HostedModel& model) {
    return JsonResponse({{"status", "ok"}, {"bytes", model.bytes}});
  });
}

std::unique_ptr<Answer> HandleAdminUnload(RouteCall call) {
  return Done(call.service->models().Unload(call.argument));
}

std::unique_ptr<Answer> HandleAdminPin(RouteCall call) {
  return Done(call.service->models().SetPinned(call.argument, true));
}

std::unique_ptr<Answer> HandleAdminUnpin(RouteCall call) {
  return Done(call.service->models().SetPinned(call.argument, false));
}

}  // namespace autoglm

// GET /health: the service is there. Says nothing about who uses it.
#include <nlohmann/json.hpp>

#include "service/api_error.h"
#include "service/route.h"

namespace autoglm {

std::unique_ptr<Answer> HandleHealth(RouteCall) {
  return Respond(JsonResponse({{"status", "ok"}}));
}

}  // namespace autoglm

// GET /metrics, for Prometheus.
#include "service/route.h"
#include "service/service.h"

namespace autoglm {

std::unique_ptr<Answer> HandleMetrics(RouteCall call) {
  return Respond({.status = 200,
                  .headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
                  .body = call.service->metrics_text ? call.service->metrics_text() : ""});
}

}  // namespace autoglm

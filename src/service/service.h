// Service: requests of OpenAI's API to answers. Finds the route and the app, and holds what the
// routes work with.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/http.h"
#include "platform/clock.h"
#include "service/api_error.h"
#include "service/apps.h"
#include "service/inference_loop.h"
#include "service/model_host.h"
#include "service/request_record.h"
#include "service/route.h"

namespace autoglm {

/// What may change while the service runs.
struct ServiceSettings {
  std::vector<App> apps = {};
  std::string admin_token = {};  ///< empty: no admin routes
};

/// Any thread. What is given to the constructor outlives it.
class Service final : public HttpHandler {
 public:
  Service(ServiceSettings settings, ModelHost& models, InferenceLoop& inference, const Clock& clock,
          std::vector<RequestObserver*> observers);

  std::unique_ptr<Answer> Handle(HttpRequest request, Waker waker) override;
  HttpResponse Refuse(int status, std::string_view why) override;

  /// Takes effect with the next request; answers under way go on as they began.
  void Reconfigure(ServiceSettings settings);

  ModelHost& models() { return models_; }
  InferenceLoop& inference() { return inference_; }
  const Clock& clock() const { return clock_; }

  void RequestEnded(const RequestRecord& record) const;
  void TokenGap(const RequestRecord& record, double gap_ms) const;

 private:
  struct Settings {
    Apps apps;
    bool has_admin = false;
    KeyDigest admin = {};
  };

  std::shared_ptr<const Settings> settings() const;
  /// Fills call->app, or says why not.
  ApiError Authorize(const Route& route, RouteCall* call) const;

  ModelHost& models_;
  InferenceLoop& inference_;
  const Clock& clock_;
  const std::vector<RequestObserver*> observers_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Settings> settings_;
};

}  // namespace autoglm

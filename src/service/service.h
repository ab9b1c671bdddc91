// Service: requests of OpenAI's API to answers. Finds the route and the app, and holds what the
// routes work with.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/http.h"
#include "platform/clock.h"
#include "service/api_error.h"
#include "service/apps.h"
#include "service/inference_loop.h"
#include "service/limits.h"
#include "service/model_host.h"
#include "service/request_record.h"
#include "service/response_store.h"
#include "service/route.h"

namespace autoglm {

class Sessions;

/// What may change while the service runs.
struct ServiceSettings {
  std::vector<App> apps = {};
  std::string admin_token = {};  ///< empty: no admin routes
};

/// Any thread. What is given to the constructor outlives it.
class Service final : public HttpHandler {
 public:
  Service(ServiceSettings settings, ModelHost& models, InferenceLoop& inference, Limits& limits,
          const Clock& clock, std::vector<RequestObserver*> observers);

  std::unique_ptr<Answer> Handle(HttpRequest request, Waker waker) override;
  HttpResponse Refuse(int status, std::string_view why) override;

  /// Takes effect with the next request; answers under way go on as they began.
  void Reconfigure(ServiceSettings settings);

  ModelHost& models() { return models_; }
  InferenceLoop& inference() { return inference_; }
  Limits& limits() { return limits_; }
  ResponseStore& responses() { return responses_; }
  /// Null: the service keeps none.
  Sessions* sessions() { return sessions_; }
  /// Before the first request.
  void set_sessions(Sessions* sessions) { sessions_ = sessions; }
  /// What routes of the operator show; null: nothing is counted.
  std::function<std::string()> metrics_text;
  /// Whose prompts may share computed pages with whose: a number for each app, never that of
  /// another one.
  uint64_t PrefixDomainOf(const App& app);
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
  Limits& limits_;
  const Clock& clock_;
  const std::vector<RequestObserver*> observers_;
  ResponseStore responses_;
  Sessions* sessions_ = nullptr;
  mutable std::mutex mutex_;
  std::shared_ptr<const Settings> settings_;
  std::map<std::string, uint64_t> domains_;  ///< by app; only ever grows
};

}  // namespace autoglm

// See service.h.
#include "service/service.h"

#include <utility>

#include "base/str.h"

namespace autoglm {
namespace {

const Route kRoutes[] = {
#define AUTOGLM_ROUTE(Name, method, path, access) \
  {method, path, Route::Access::access, Handle##Name},
#include "service/routes/routes.inc"
#undef AUTOGLM_ROUTE
};

/// True where `path` is `pattern`, whose "{}" stands for one segment that goes to `argument`.
bool Matches(std::string_view pattern, std::string_view path, std::string* argument) {
  const size_t hole = pattern.find("{}");
  if (hole == std::string_view::npos) return path == pattern;
  const std::string_view before = pattern.substr(0, hole), after = pattern.substr(hole + 2);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) ||
      !path.ends_with(after)) {
    return false;
  }
  const std::string_view middle =
      path.substr(before.size(), path.size() - before.size() - after.size());
  // A model's name may have slashes of its own, but only where nothing follows it.
  if (!after.empty() && middle.find('/') != std::string_view::npos) return false;
  *argument = middle;
  return true;
}

}  // namespace

Service::Service(ServiceSettings settings, ModelHost& models, InferenceLoop& inference,
                 Limits& limits, const Clock& clock, std::vector<RequestObserver*> observers)
    : models_(models),
      inference_(inference),
      limits_(limits),
      clock_(clock),
      observers_(std::move(observers)) {
  Reconfigure(std::move(settings));
}

void Service::Reconfigure(ServiceSettings settings) {
  auto next = std::make_shared<Settings>(Settings{.apps = Apps(std::move(settings.apps))});
  next->has_admin = !settings.admin_token.empty();
  if (next->has_admin) next->admin = DigestOf(settings.admin_token);
  std::lock_guard lock(mutex_);
  settings_ = std::move(next);
}

std::shared_ptr<const Service::Settings> Service::settings() const {
  std::lock_guard lock(mutex_);
  return settings_;
}

uint64_t Service::PrefixDomainOf(const App& app) {
  if (!app.share_prefix) return PrefixCache::kNoDomain;
  std::lock_guard lock(mutex_);
  return domains_.try_emplace(app.name, PrefixCache::kPublicDomain + 1 + domains_.size())
      .first->second;
}

std::unique_ptr<Answer> Service::Handle(HttpRequest request, Waker waker) {
  RouteCall call = {.service = this, .request = std::move(request), .waker = std::move(waker)};
  bool path_known = false;
  for (const Route& route : kRoutes) {
    if (!Matches(route.path, call.request.path, &call.argument)) continue;
    path_known = true;
    if (route.method != call.request.method) continue;
    call.route = route.path;
    if (const ApiError error = Authorize(route, &call); !error.ok()) {
      return Respond(ToResponse(error));
    }
    return route.handle(std::move(call));
  }
  ApiError error = NotFoundError(
      StrCat("there is nothing at ", Quoted(call.request.method), " ", Quoted(call.request.path)));
  if (path_known) error.status = 405;
  return Respond(ToResponse(error));
}

ApiError Service::Authorize(const Route& route, RouteCall* call) const {
  if (route.access == Route::Access::kAnybody) return {};
  const std::shared_ptr<const Settings> settings = this->settings();
  const bool is_operator =
      settings->has_admin && SameDigest(DigestOf(BearerToken(call->request)), settings->admin);
  switch (route.access) {
    case Route::Access::kApp:
      call->app = settings->apps.Identify(call->request);
      if (call->app != nullptr) return {};
      break;
    case Route::Access::kOperator:
      if (!settings->has_admin) {
        return NotFoundError(StrCat("there is nothing at ", Quoted(call->request.path)));
      }
      if (is_operator) return {};
      break;
    default:
      if (is_operator || settings->apps.open()) return {};
      break;
  }
  return {401,
          "invalid_request_error",
          BearerToken(call->request).empty()
              ? "no API key was given; send it as 'Authorization: Bearer KEY'"
              : "the API key is not known here",
          {},
          "invalid_api_key"};
}

HttpResponse Service::Refuse(int status, std::string_view why) {
  const char* type = status < 500 ? "invalid_request_error" : "server_error";
  return ToResponse({status, type, std::string(why)});
}

void Service::RequestEnded(const RequestRecord& record) const {
  for (RequestObserver* observer : observers_) observer->OnRequestEnd(record);
}

void Service::TokenGap(const RequestRecord& record, double gap_ms) const {
  for (RequestObserver* observer : observers_) observer->OnTokenGap(record, gap_ms);
}

}  // namespace autoglm

// Route: one method and path of the API. A new one is a file routes/x.cc, which defines HandleX(),
// and a row in routes/routes.inc.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/http.h"
#include "service/apps.h"

namespace autoglm {

class Service;

/// One request at its route.
struct RouteCall {
  Service* service = nullptr;
  HttpRequest request;
  std::string argument = {};            ///< what stands for "{}" in the route's path
  std::shared_ptr<const App> app = {};  ///< null for routes that everybody may use
  Waker waker = {};
  std::string route = {};  ///< its path in routes.inc, for logs and metrics
};

struct Route {
  enum class Access {
    kAnybody,
    kApp,       ///< an app, identified by its key or uid
    kOperator,  ///< whoever has the admin token; without one configured, the route does not exist
    kMetrics,   ///< as kOperator where apps are configured; else anybody
  };

  std::string_view method;
  std::string_view path;  ///< "{}" as one whole segment stands for anything
  Access access;
  std::unique_ptr<Answer> (*handle)(RouteCall call);
};

#define AUTOGLM_ROUTE(Name, method, path, access) std::unique_ptr<Answer> Handle##Name(RouteCall);
#include "service/routes/routes.inc"
#undef AUTOGLM_ROUTE

}  // namespace autoglm

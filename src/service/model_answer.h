// ModelAnswer: an answer that needs a model and no text written by it: waits until it is loaded,
// then calls a function.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/http.h"
#include "service/api_error.h"
#include "service/hosted_model.h"
#include "service/route.h"

namespace autoglm {

/// Answers `call` with what `function` returns, called on the connection's thread with the model
/// `name` once that is there. Refuses models that the app may not use.
std::unique_ptr<Answer> WithModel(RouteCall call, const std::string& name,
                                  std::function<HttpResponse(HostedModel& model)> function);

/// The same where the response comes later, from any thread: `function` gets a callback to give it
/// to, once. The model is held until then.
using RespondLater = std::function<void(HttpResponse response)>;
std::unique_ptr<Answer> WithModelLater(
    RouteCall call, const std::string& name,
    std::function<void(std::shared_ptr<HostedModel> model, RespondLater respond)> function);

/// What failed to be loaded, or may not be used by this app, as an error about the field "model".
ApiError ModelError(const Status& status);
ApiError NotForApp(const std::string& name);

}  // namespace autoglm

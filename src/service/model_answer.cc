// See model_answer.h.
#include "service/model_answer.h"

#include <mutex>
#include <optional>
#include <utility>

#include "base/str.h"
#include "service/service.h"

namespace autoglm {
namespace {

/// What arrives from other threads.
struct Arrival {
  std::mutex mutex;
  std::optional<Result<ModelHost::ModelPtr>> model;
  std::optional<HttpResponse> response;
};

class ModelAnswer final : public Answer {
 public:
  using Function = std::function<void(std::shared_ptr<HostedModel> model, RespondLater respond)>;

  ModelAnswer(RouteCall call, const std::string& name, Function function)
      : call_(std::move(call)), function_(std::move(function)) {
    call_.service->models().Acquire(
        name, [arrival = arrival_, waker = call_.waker](Result<ModelHost::ModelPtr> model) {
          {
            std::lock_guard lock(arrival->mutex);
            arrival->model = std::move(model);
          }
          waker();
        });
  }

  Progress Poll(HttpResponse* response) override {
    std::optional<Result<ModelHost::ModelPtr>> model;
    {
      std::lock_guard lock(arrival_->mutex);
      model.swap(arrival_->model);
    }
    if (model) Start(*model);
    std::lock_guard lock(arrival_->mutex);
    if (!arrival_->response) return Progress::kWait;
    *response = std::move(*arrival_->response);
    return Progress::kEnd;
  }

 private:
  void Start(const Result<ModelHost::ModelPtr>& model) {
    const RespondLater respond = [arrival = arrival_, waker = call_.waker](HttpResponse response) {
      {
        std::lock_guard lock(arrival->mutex);
        arrival->response = std::move(response);
      }
      waker();
    };
    if (!model.ok()) return respond(ToResponse(ModelError(model.status())));
    if (call_.app != nullptr && !call_.app->MayUse((*model)->name)) {
      return respond(ToResponse(NotForApp((*model)->name)));
    }
    function_(*model, respond);
  }

  RouteCall call_;
  Function function_;
  std::shared_ptr<Arrival> arrival_ = std::make_shared<Arrival>();
};

}  // namespace

std::unique_ptr<Answer> WithModelLater(
    RouteCall call, const std::string& name,
    std::function<void(std::shared_ptr<HostedModel> model, RespondLater respond)> function) {
  return std::make_unique<ModelAnswer>(std::move(call), name, std::move(function));
}

std::unique_ptr<Answer> WithModel(RouteCall call, const std::string& name,
                                  std::function<HttpResponse(HostedModel& model)> function) {
  return WithModelLater(
      std::move(call), name,
      [function = std::move(function)](std::shared_ptr<HostedModel> model,
                                       const RespondLater& respond) { respond(function(*model)); });
}

ApiError ModelError(const Status& status) {
  ApiError error = FromStatus(status);
  error.param = "model";
  if (error.status == 404) error.code = "model_not_found";
  return error;
}

ApiError NotForApp(const std::string& name) {
  ApiError error =
      NotFoundError(StrCat("there is no model '", Quoted(name), "' here"), "model_not_found");
  error.param = "model";
  return error;
}

}  // namespace autoglm

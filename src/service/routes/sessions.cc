// Conversations that sleep: POST /v1/sessions saves, GET /v1/sessions lists, POST
// /v1/sessions/NAME/resume, DELETE /v1/sessions/NAME. The body that saves has "name", "model", and
// "messages" (or "prompt") as the conversation stands.
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/str.h"
#include "service/chat_prompt.h"
#include "service/fields.h"
#include "service/model_answer.h"
#include "service/route.h"
#include "service/service.h"
#include "service/sessions.h"
#include "service/text_input.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxNameBytes = 64;

std::unique_ptr<Answer> NoSessions() {
  return Respond(ToResponse(InvalidField(
      {}, "this service keeps no sessions: its configuration names no folder for them (state)")));
}

Json ToJson(const StateInfo& info) {
  return {{"object", "session"},       {"name", info.name},
          {"model", info.model},       {"created", info.created_unix_s},
          {"n_tokens", info.n_tokens}, {"n_computed", info.n_computed},
          {"bytes", info.file_bytes}};
}

HttpResponse ToResponse(const Status& status) {
  ApiError error = FromStatus(status);
  // 507: the disk or the app's share of it is full, which waiting does not mend.
  if (status.code() == StatusCode::kResourceExhausted) error.status = 507;
  return autoglm::ToResponse(error);
}

/// What `call` wants done with the model, by the sessions; refuses what cannot be.
std::unique_ptr<Answer> Act(RouteCall call, const std::string& model,
                            std::function<void(Sessions&, std::shared_ptr<HostedModel>,
                                               uint64_t prefix_domain, RespondLater)>
                                act) {
  Sessions* sessions = call.service->sessions();
  if (sessions == nullptr) return NoSessions();
  const uint64_t domain = call.service->PrefixDomainOf(*call.app);
  if (domain == PrefixCache::kNoDomain) {
    return Respond(autoglm::ToResponse(InvalidField(
        {}, "this app's prompts are not kept (share_prefix is false), so it has no sessions")));
  }
  const ApiError limited = call.service->limits().Admit(*call.app, call.service->clock().NowNs());
  if (!limited.ok()) return Respond(autoglm::ToResponse(limited));
  return WithModelLater(std::move(call), model,
                        [sessions, domain, act = std::move(act)](std::shared_ptr<HostedModel> m,
                                                                 RespondLater respond) {
                          act(*sessions, std::move(m), domain, std::move(respond));
                        });
}

Sessions::Callback RespondWith(RespondLater respond, int status) {
  return [respond = std::move(respond), status](const Result<StateInfo>& info) {
    respond(info.ok() ? JsonResponse(ToJson(*info), status) : ToResponse(info.status()));
  };
}

}  // namespace

std::unique_ptr<Answer> HandleSessionSave(RouteCall call) {
  Json body;
  ApiError error = ParseJsonObject(call.request.body, &body);
  if (!error.ok()) return Respond(autoglm::ToResponse(error));
  Fields fields(body, "", &error);
  const std::string name = fields.String("name").value_or("");
  if (name.empty() || name.size() > kMaxNameBytes) {
    fields.FailMissing("name", StrCat("1 to ", kMaxNameBytes, " bytes"));
  }
  const std::string model = fields.String("model").value_or("");
  Json messages;
  std::vector<TextInput> prompts;
  if (fields.Has("prompt")) {
    prompts = ReadTextInputs(fields, "prompt");
    if (prompts.size() != 1) fields.Fail("prompt", "must be one text");
  } else {
    messages = ReadMessages(fields, "messages");
  }
  if (!error.ok()) return Respond(autoglm::ToResponse(error));
  const std::string app = call.app->name;
  return Act(std::move(call), model,
             [app, name, messages = std::move(messages), prompts = std::move(prompts)](
                 Sessions& sessions, std::shared_ptr<HostedModel> hosted, uint64_t domain,
                 RespondLater respond) {
               std::vector<int32_t> tokens;
               const ApiError invalid =
                   prompts.empty()
                       ? TokenizeMessages(*hosted, messages, nullptr, "messages", &tokens)
                       : TokenizeInput(*hosted, prompts[0], "prompt", &tokens);
               if (!invalid.ok()) return respond(autoglm::ToResponse(invalid));
               sessions.Save(std::move(hosted), app, name, domain, std::move(tokens),
                             RespondWith(std::move(respond), 201));
             });
}

std::unique_ptr<Answer> HandleSessionResume(RouteCall call) {
  Sessions* sessions = call.service->sessions();
  if (sessions == nullptr) return NoSessions();
  const std::string app = call.app->name, name = call.argument;
  const Result<StateInfo> info = sessions->store().Find(app, name);
  if (!info.ok()) return Respond(ToResponse(info.status()));
  return Act(std::move(call), info->model,
             [app, name](Sessions& all, std::shared_ptr<HostedModel> hosted, uint64_t domain,
                         RespondLater respond) {
               all.Resume(std::move(hosted), app, name, domain,
                          RespondWith(std::move(respond), 200));
             });
}

std::unique_ptr<Answer> HandleSessionList(RouteCall call) {
  Sessions* sessions = call.service->sessions();
  if (sessions == nullptr) return NoSessions();
  Json list = Json::array();
  for (const StateInfo& info : sessions->store().List(call.app->name)) list.push_back(ToJson(info));
  return Respond(JsonResponse({{"object", "list"}, {"data", std::move(list)}}));
}

std::unique_ptr<Answer> HandleSessionDelete(RouteCall call) {
  Sessions* sessions = call.service->sessions();
  if (sessions == nullptr) return NoSessions();
  const Status status = sessions->store().Remove(call.app->name, call.argument);
  if (!status.ok()) return Respond(ToResponse(status));
  return Respond(JsonResponse({{"name", call.argument}, {"deleted", true}}));
}

}  // namespace autoglm

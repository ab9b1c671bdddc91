// POST /v1/responses, GET and DELETE /v1/responses/ID. Source: OpenAI's API reference, "Create a
// model response" and "Streaming events".
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/str.h"
#include "net/sse.h"
#include "service/answer_format.h"
#include "service/chat_prompt.h"
#include "service/fields.h"
#include "service/generation_answer.h"
#include "service/generation_spec.h"
#include "service/response_store.h"
#include "service/route.h"
#include "service/service.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

struct ResponsesRequest {
  Json messages;              ///< as ReadMessages gives them; without the instructions
  Json instructions;          ///< a string or null
  Json previous_response_id;  ///< a string or null
  Json max_output_tokens, temperature, top_p, metadata;  ///< as sent, or null
  bool store = true;
};

class ResponsesFormat final : public AnswerFormat {
 public:
  ResponsesFormat(ResponsesRequest request, std::string app, ResponseStore* store)
      : request_(std::move(request)), app_(std::move(app)), store_(store) {}

  std::string_view id_prefix() const override { return "resp_"; }

  ApiError MakePrompts(const HostedModel& model, std::vector<std::vector<int32_t>>* prompts,
                       SequenceOptions*) override {
    Json messages = Json::array();
    if (request_.instructions.is_string()) {
      messages.push_back({{"role", "system"}, {"content", request_.instructions}});
    }
    for (const Json& message : request_.messages) messages.push_back(message);
    return TokenizeMessages(model, messages, nullptr, "input", &prompts->emplace_back());
  }

  void Begin(const AnswerHead& head) override {
    head_ = head;
    item_id_ = "msg_" + RandomId(24);
  }

  void Accept(const TokenEvent& event, std::string* stream) override {
    text_ += event.text;
    stop_reason_ = event.stop_reason;
    if (stream == nullptr) return;
    if (!begun_) BeginStream(stream);
    begun_ = true;
    if (event.text.empty()) return;
    Json delta = At({{"delta", event.text}});
    delta["logprobs"] = Json::array();
    AppendEvent(stream, "response.output_text.delta", std::move(delta));
  }

  void End(const TokenUsage& usage, std::string* stream) override {
    if (!begun_) BeginStream(stream);
    Json text = At({{"text", text_}});
    text["logprobs"] = Json::array();
    AppendEvent(stream, "response.output_text.done", std::move(text));
    AppendEvent(stream, "response.content_part.done", At({{"part", Part(text_)}}));
    AppendEvent(stream, "response.output_item.done",
                {{"output_index", 0}, {"item", Item(Status(), true)}});
    const char* type = Cut() ? "response.incomplete" : "response.completed";
    AppendEvent(stream, type, {{"response", Whole(usage)}});
  }

  Json Whole(const TokenUsage& usage) override {
    Json response = Response(Status());
    response["output"] = Json::array({Item(Status(), true)});
    response["usage"] = {{"input_tokens", usage.n_prompt},
                         {"input_tokens_details", {{"cached_tokens", usage.n_cached}}},
                         {"output_tokens", usage.n_generated},
                         {"output_tokens_details", {{"reasoning_tokens", 0}}},
                         {"total_tokens", usage.n_prompt + usage.n_generated}};
    if (request_.store) Store(response);
    return response;
  }

 private:
  bool Cut() const {
    return stop_reason_ == StopReason::kLength || stop_reason_ == StopReason::kContextFull;
  }
  const char* Status() const { return Cut() ? "incomplete" : "completed"; }

  Json Response(const char* status) const {
    return {
        {"id", head_.id},
        {"object", "response"},
        {"created_at", head_.created_unix_s},
        {"status", status},
        {"error", nullptr},
        {"incomplete_details",
         std::string_view(status) == "incomplete" ? Json{{"reason", "max_output_tokens"}} : Json()},
        {"instructions", request_.instructions},
        {"max_output_tokens", request_.max_output_tokens},
        {"metadata", request_.metadata.is_null() ? Json::object() : request_.metadata},
        {"model", head_.model},
        {"output", Json::array()},
        {"parallel_tool_calls", true},
        {"previous_response_id", request_.previous_response_id},
        {"store", request_.store},
        {"temperature", request_.temperature},
        {"text", {{"format", {{"type", "text"}}}}},
        {"tool_choice", "auto"},
        {"tools", Json::array()},
        {"top_p", request_.top_p},
        {"truncation", "disabled"},
        {"usage", nullptr}};
  }

  static Json Part(const std::string& text) {
    return {{"type", "output_text"},
            {"text", text},
            {"annotations", Json::array()},
            {"logprobs", Json::array()}};
  }

  Json Item(const char* status, bool with_text) const {
    return {{"id", item_id_},
            {"type", "message"},
            {"status", status},
            {"role", "assistant"},
            {"content", with_text ? Json::array({Part(text_)}) : Json::array()}};
  }

  /// `fields` behind those that say which part of the response they are about.
  Json At(Json fields) const {
    Json out = {{"item_id", item_id_}, {"output_index", 0}, {"content_index", 0}};
    out.update(fields);
    return out;
  }

  void AppendEvent(std::string* stream, const char* type, Json fields) {
    Json event = {{"type", type}, {"sequence_number", sequence_number_++}};
    event.update(fields);
    AppendSseEvent(stream, Dump(event), type);
  }

  void BeginStream(std::string* stream) {
    AppendEvent(stream, "response.created", {{"response", Response("in_progress")}});
    AppendEvent(stream, "response.in_progress", {{"response", Response("in_progress")}});
    AppendEvent(stream, "response.output_item.added",
                {{"output_index", 0}, {"item", Item("in_progress", false)}});
    AppendEvent(stream, "response.content_part.added", At({{"part", Part("")}}));
  }

  void Store(const Json& response) {
    Json messages = request_.messages;
    messages.push_back({{"role", "assistant"}, {"content", text_}});
    store_->Put(app_, head_.id, {std::move(messages), response});
  }

  const ResponsesRequest request_;
  const std::string app_;
  ResponseStore* const store_;
  AnswerHead head_;
  std::string item_id_;
  std::string text_;
  StopReason stop_reason_ = StopReason::kNone;
  bool begun_ = false;
  int sequence_number_ = 0;
};

/// "input": a string, or items of which the messages are taken.
Json ReadInput(Fields& fields) {
  const Json* input = fields.Find("input");
  if (input != nullptr && input->is_string()) {
    return Json::array({{{"role", "user"}, {"content", *input}}});
  }
  if (input == nullptr || !input->is_array()) {
    fields.FailMissing("input", "a string or an array of messages");
    return {};
  }
  for (size_t i = 0; i < input->size(); ++i) {
    const Json& item = (*input)[i];
    if (!item.is_object() || item.value("type", "message") != "message") {
      fields.Fail(StrCat("input[", i, "]"), "is no message; other items are not supported");
      return {};
    }
  }
  return ReadMessages(fields, "input");
}

void RefuseUnsupported(Fields& fields) {
  const Json* tools = fields.Array("tools");
  if (tools != nullptr && !tools->empty()) fields.Fail("tools", "are not supported");
  const Json* text = fields.Object("text");
  const Json* format = text != nullptr && text->contains("format") ? &(*text)["format"] : nullptr;
  if (format != nullptr && (!format->is_object() || format->value("type", "") != "text")) {
    fields.Fail("text.format", "must have the type \"text\": others are not supported");
  }
  if (fields.Bool("background").value_or(false)) fields.Fail("background", "is not supported");
}

ResponsesRequest ReadRequest(Fields& fields, const RouteCall& call, GenerationSpec* spec) {
  ResponsesRequest request;
  ReadGenerationFields(fields, spec);
  ReadMaxTokens(fields, {"max_output_tokens"}, spec);
  RefuseUnsupported(fields);
  spec->n = 1;
  request.messages = ReadInput(fields);
  request.store = fields.Bool("store").value_or(true);
  const auto copy = [&](const char* name) {
    const Json* value = fields.Find(name);
    return value != nullptr ? *value : Json();
  };
  if (const auto text = fields.String("instructions")) request.instructions = *text;
  fields.Object("metadata");
  for (const auto& [name, value] :
       {std::pair("max_output_tokens", &request.max_output_tokens),
        std::pair("temperature", &request.temperature), std::pair("top_p", &request.top_p),
        std::pair("metadata", &request.metadata)}) {
    *value = copy(name);
  }
  const std::optional<std::string> previous = fields.String("previous_response_id");
  if (!previous || !fields.ok()) return request;
  const auto stored = call.service->responses().Find(call.app->name, *previous);
  if (!stored) {
    fields.Fail("previous_response_id",
                StrCat("names '", Quoted(*previous), "', which is not there (any more)"));
    return request;
  }
  request.previous_response_id = *previous;
  Json messages = stored->messages;
  for (Json& message : request.messages) messages.push_back(std::move(message));
  request.messages = std::move(messages);
  return request;
}

std::unique_ptr<Answer> NoSuchResponse(const RouteCall& call) {
  return Respond(ToResponse(NotFoundError(
      StrCat("there is no response '", Quoted(call.argument), "' here"), "not_found")));
}

}  // namespace

std::unique_ptr<Answer> HandleResponses(RouteCall call) {
  Json body;
  ApiError error = ParseJsonObject(call.request.body, &body);
  if (!error.ok()) return Respond(ToResponse(error));
  Fields fields(body, "", &error);
  GenerationSpec spec;
  ResponsesRequest request = ReadRequest(fields, call, &spec);
  if (!error.ok()) return Respond(ToResponse(error));
  auto format = std::make_unique<ResponsesFormat>(std::move(request), call.app->name,
                                                  &call.service->responses());
  return Generate(std::move(call), std::move(spec), std::move(format));
}

std::unique_ptr<Answer> HandleResponse(RouteCall call) {
  const auto stored = call.service->responses().Find(call.app->name, call.argument);
  return stored ? Respond(JsonResponse(stored->response)) : NoSuchResponse(call);
}

std::unique_ptr<Answer> HandleResponseDelete(RouteCall call) {
  if (!call.service->responses().Remove(call.app->name, call.argument)) return NoSuchResponse(call);
  return Respond(
      JsonResponse({{"id", call.argument}, {"object", "response.deleted"}, {"deleted", true}}));
}

}  // namespace autoglm

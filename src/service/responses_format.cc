// See responses_format.h.
#include "service/responses_format.h"

#include <utility>

#include "net/sse.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;
using Kind = ChatDelta::Kind;

Json TextPart(const std::string& text) {
  return {{"type", "output_text"},
          {"text", text},
          {"annotations", Json::array()},
          {"logprobs", Json::array()}};
}

}  // namespace

ApiError ResponsesFormat::MakePrompts(const HostedModel& model,
                                      std::vector<std::vector<int32_t>>* prompts,
                                      SequenceOptions* options) {
  ChatRequest chat = request_.chat;
  if (request_.instructions.is_string()) {
    chat.messages.insert(chat.messages.begin(),
                         Json{{"role", "system"}, {"content", request_.instructions}});
  }
  return PrepareChat(model, chat, &prompts->emplace_back(), options, &parser_options_);
}

void ResponsesFormat::Begin(const AnswerHead& head) {
  head_ = head;
  parser_ = std::make_unique<AnswerParser>(parser_options_);
}

void ResponsesFormat::Accept(const TokenEvent& event, std::string* stream) {
  stop_reason_ = event.stop_reason;
  if (stream != nullptr && !std::exchange(begun_, true)) BeginStream(stream);
  std::vector<ChatDelta> deltas;
  parser_->Push(event.text, &deltas);
  if (event.stop_reason != StopReason::kNone) parser_->Finish(Cut(), &deltas);
  for (const ChatDelta& delta : deltas) Take(delta, stream);
  if (event.stop_reason == StopReason::kNone) return;
  // An answer without anything is an empty message.
  if (items_.empty()) OpenItem({.kind = Kind::kContent}, stream);
  if (item_is_open_) CloseItem(stream);
}

void ResponsesFormat::Take(const ChatDelta& delta, std::string* stream) {
  const bool is_call = delta.kind != Kind::kContent && delta.kind != Kind::kReasoning;
  if (delta.kind == Kind::kCallEnd) {
    items_.back().complete = delta.complete;
    return CloseItem(stream);
  }
  const bool goes_on = item_is_open_ && (is_call || items_.back().kind == delta.kind);
  if (!goes_on || delta.kind == Kind::kCallBegin) {
    if (item_is_open_) CloseItem(stream);
    OpenItem(delta, stream);
    if (delta.kind == Kind::kCallBegin) return;
  }
  items_.back().text += delta.text;
  if (stream == nullptr) return;
  Json fields = {{"delta", delta.text}};
  if (delta.kind == Kind::kContent) {
    fields["logprobs"] = Json::array();
    AppendEvent(stream, "response.output_text.delta", At(std::move(fields), true));
  } else if (delta.kind == Kind::kReasoning) {
    AppendEvent(stream, "response.reasoning_text.delta", At(std::move(fields), true));
  } else {
    AppendEvent(stream, "response.function_call_arguments.delta", At(std::move(fields), false));
  }
}

void ResponsesFormat::OpenItem(const ChatDelta& delta, std::string* stream) {
  const char* prefix = delta.kind == Kind::kContent     ? "msg_"
                       : delta.kind == Kind::kReasoning ? "rs_"
                                                        : "fc_";
  items_.push_back({.kind = delta.kind,
                    .id = prefix + RandomId(24),
                    .text = {},
                    .name = {},
                    .call_id = delta.call_id});
  if (delta.kind == Kind::kCallBegin) items_.back().name = delta.text;
  item_is_open_ = true;
  if (stream == nullptr) return;
  AppendEvent(stream, "response.output_item.added",
              {{"output_index", items_.size() - 1}, {"item", ToJson(items_.back(), true)}});
  if (delta.kind == Kind::kContent) {
    AppendEvent(stream, "response.content_part.added", At({{"part", TextPart("")}}, true));
  }
}

void ResponsesFormat::CloseItem(std::string* stream) {
  item_is_open_ = false;
  Item& item = items_.back();
  if (item.kind != Kind::kCallBegin) item.complete = !Cut();
  if (stream == nullptr) return;
  if (item.kind == Kind::kContent) {
    AppendEvent(stream, "response.output_text.done",
                At({{"text", item.text}, {"logprobs", Json::array()}}, true));
    AppendEvent(stream, "response.content_part.done", At({{"part", TextPart(item.text)}}, true));
  } else if (item.kind == Kind::kReasoning) {
    AppendEvent(stream, "response.reasoning_text.done", At({{"text", item.text}}, true));
  } else {
    AppendEvent(stream, "response.function_call_arguments.done",
                At({{"name", item.name}, {"arguments", item.text}}, false));
  }
  AppendEvent(stream, "response.output_item.done",
              {{"output_index", items_.size() - 1}, {"item", ToJson(item, false)}});
}

void ResponsesFormat::End(const TokenUsage& usage, std::string* stream) {
  AppendEvent(stream, Cut() ? "response.incomplete" : "response.completed",
              {{"response", Whole(usage)}});
}

Json ResponsesFormat::Whole(const TokenUsage& usage) {
  Json response = Response(Cut() ? "incomplete" : "completed");
  for (const Item& item : items_) response["output"].push_back(ToJson(item, false));
  response["usage"] = {{"input_tokens", usage.n_prompt},
                       {"input_tokens_details", {{"cached_tokens", usage.n_cached}}},
                       {"output_tokens", usage.n_generated},
                       {"output_tokens_details", {{"reasoning_tokens", 0}}},
                       {"total_tokens", usage.n_prompt + usage.n_generated}};
  if (request_.store) Store(response);
  return response;
}

bool ResponsesFormat::Cut() const {
  return stop_reason_ == StopReason::kLength || stop_reason_ == StopReason::kContextFull;
}

Json ResponsesFormat::Response(const char* status) const {
  const auto otherwise = [](const Json& json, Json value) { return json.is_null() ? value : json; };
  const bool incomplete = std::string_view(status) == "incomplete";
  return {{"id", head_.id},
          {"object", "response"},
          {"created_at", head_.created_unix_s},
          {"status", status},
          {"error", nullptr},
          {"incomplete_details", incomplete ? Json{{"reason", "max_output_tokens"}} : Json()},
          {"instructions", request_.instructions},
          {"max_output_tokens", request_.max_output_tokens},
          {"metadata", otherwise(request_.metadata, Json::object())},
          {"model", head_.model},
          {"output", Json::array()},
          {"parallel_tool_calls", request_.chat.parallel_tool_calls},
          {"previous_response_id", request_.previous_response_id},
          {"store", request_.store},
          {"temperature", request_.temperature},
          {"text", otherwise(request_.text, {{"format", {{"type", "text"}}}})},
          {"tool_choice", otherwise(request_.tool_choice, "auto")},
          {"tools", otherwise(request_.tools, Json::array())},
          {"top_p", request_.top_p},
          {"truncation", "disabled"},
          {"usage", nullptr}};
}

Json ResponsesFormat::ToJson(const Item& item, bool is_open) const {
  const char* status = is_open ? "in_progress" : item.complete ? "completed" : "incomplete";
  switch (item.kind) {
    case Kind::kContent:
      return {{"id", item.id},
              {"type", "message"},
              {"status", status},
              {"role", "assistant"},
              {"content", is_open ? Json::array() : Json::array({TextPart(item.text)})}};
    case Kind::kReasoning: {
      const Json part = {{"type", "reasoning_text"}, {"text", item.text}};
      return {{"id", item.id},
              {"type", "reasoning"},
              {"status", status},
              {"summary", Json::array()},
              {"content", is_open ? Json::array() : Json::array({part})}};
    }
    default:
      return {{"id", item.id},     {"type", "function_call"}, {"status", status},
              {"name", item.name}, {"call_id", item.call_id}, {"arguments", item.text}};
  }
}

Json ResponsesFormat::At(Json fields, bool part) const {
  Json out = {{"item_id", items_.back().id}, {"output_index", items_.size() - 1}};
  if (part) out["content_index"] = 0;
  out.update(fields);
  return out;
}

void ResponsesFormat::AppendEvent(std::string* stream, const char* type, Json fields) {
  Json event = {{"type", type}, {"sequence_number", sequence_number_++}};
  event.update(fields);
  AppendSseEvent(stream, Dump(event), type);
}

void ResponsesFormat::BeginStream(std::string* stream) {
  AppendEvent(stream, "response.created", {{"response", Response("in_progress")}});
  AppendEvent(stream, "response.in_progress", {{"response", Response("in_progress")}});
}

void ResponsesFormat::Store(const Json& response) {
  Json messages = request_.chat.messages;
  Json message = {{"role", "assistant"}, {"content", ""}};
  for (const Item& item : items_) {
    if (item.kind == Kind::kContent) {
      message["content"] = message["content"].get<std::string>() + item.text;
    } else if (item.kind == Kind::kReasoning) {
      message["reasoning_content"] = item.text;
    } else if (item.complete) {
      message["tool_calls"].push_back(
          {{"id", item.call_id},
           {"type", "function"},
           {"function", {{"name", item.name}, {"arguments", item.text}}}});
    }
  }
  messages.push_back(std::move(message));
  store_->Put(app_, head_.id, {std::move(messages), response});
}

}  // namespace autoglm

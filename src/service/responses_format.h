// ResponsesFormat: the answer of /v1/responses: a list of items, in whole or as a stream of events.
// Source: OpenAI's API reference, "The response object" and "Streaming events".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "chat/answer_parser.h"
#include "service/answer_format.h"
#include "service/chat_request.h"
#include "service/response_store.h"

namespace autoglm {

struct ResponsesRequest {
  ChatRequest chat;                             ///< messages without the instructions
  nlohmann::ordered_json instructions;          ///< a string or null
  nlohmann::ordered_json previous_response_id;  ///< a string or null
  /// As sent, or null.
  nlohmann::ordered_json max_output_tokens, temperature, top_p, metadata, tools, tool_choice, text;
  bool store = true;
};

class ResponsesFormat final : public AnswerFormat {
 public:
  ResponsesFormat(ResponsesRequest request, std::string app, ResponseStore* store)
      : request_(std::move(request)), app_(std::move(app)), store_(store) {}

  std::string_view id_prefix() const override { return "resp_"; }
  ApiError MakePrompts(const HostedModel& model, std::vector<std::vector<int32_t>>* prompts,
                       SequenceOptions* options) override;
  void Begin(const AnswerHead& head) override;
  void Accept(const TokenEvent& event, std::string* stream) override;
  void End(const TokenUsage& usage, std::string* stream) override;
  nlohmann::ordered_json Whole(const TokenUsage& usage) override;

 private:
  using Json = nlohmann::ordered_json;

  struct Item {
    ChatDelta::Kind kind;  ///< kContent, kReasoning or kCallBegin
    std::string id;
    std::string text;           ///< content, reasoning or arguments
    std::string name, call_id;  ///< of a call
    bool complete = false;
  };

  void Take(const ChatDelta& delta, std::string* stream);
  void OpenItem(const ChatDelta& delta, std::string* stream);
  void CloseItem(std::string* stream);
  bool Cut() const;
  Json Response(const char* status) const;
  Json ToJson(const Item& item, bool is_open) const;
  /// `fields` behind those that say which item they are about; `part`: with its part.
  Json At(Json fields, bool part) const;
  void AppendEvent(std::string* stream, const char* type, Json fields);
  void BeginStream(std::string* stream);
  void Store(const Json& response);

  const ResponsesRequest request_;
  const std::string app_;
  ResponseStore* const store_;
  AnswerHead head_;
  AnswerParserOptions parser_options_;
  std::unique_ptr<AnswerParser> parser_;
  std::vector<Item> items_;
  bool item_is_open_ = false;  ///< the last one
  StopReason stop_reason_ = StopReason::kNone;
  bool begun_ = false;
  int sequence_number_ = 0;
};

}  // namespace autoglm

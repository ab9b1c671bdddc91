// Any answer, read by the parser of the family that the first byte picks and cut as the second
// says; and as an action.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "autoglm/action.h"
#include "base/utf8.h"
#include "chat/answer_for_test.h"
#include "chat/answer_parser.h"

namespace {

using autoglm::Answer;
using autoglm::AnswerParserOptions;

// Each picks a family and a variant of it; see the formats.
constexpr const char* kTemplates[] = {
    "<tool_call>{function-name}\n<arg_key>",
    "<tool_call>{function-name}<arg_key>",
    "<tool_call><function=<parameter=",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁begin｜>```json",
    "[TOOL_CALLS]",
    "[TOOL_CALLS][CALL_ID][ARGS]",
    "<tool_call>",
    "<|start_header_id|>\"parameters\": ",
    "<|assistant|><|observation|>",
    "",
};

constexpr const char* kTools = R"([{"type": "function", "function": {"name": "f", "parameters": {
  "type": "object", "properties": {"s": {"type": "string"}, "n": {"type": "integer"}}}}}])";

AnswerParserOptions Options(uint8_t choice) {
  constexpr size_t kNumTemplates = sizeof(kTemplates) / sizeof(kTemplates[0]);
  const char* const chat_template = kTemplates[choice % kNumTemplates];
  AnswerParserOptions options;
  options.reads_calls = true;
  options.reasoning = {"<think>", "</think>"};
  options.starts_in_reasoning = choice / kNumTemplates % 2 == 1;
  options.syntax = autoglm::FindToolFormat(chat_template).syntax(chat_template);
  options.tools = *autoglm::ParseTools(nlohmann::ordered_json::parse(kTools));
  return options;
}

void Require(bool holds) {
  if (!holds) std::abort();
}

bool IsJsonObject(const std::string& text) {
  try {
    return nlohmann::json::parse(text).is_object();
  } catch (const nlohmann::json::out_of_range&) {
    return true;  // JSON, with a number that no double holds
  } catch (const nlohmann::json::parse_error&) {
    return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const AnswerParserOptions options = Options(data[0]);
  const size_t step = data[1] % 16 + 1;
  const bool cut_off = data[1] >= 128;
  const std::string text = autoglm::ReplaceInvalidUtf8(
      std::string_view(reinterpret_cast<const char*>(data) + 2, size - 2));
  std::vector<size_t> cuts;
  for (size_t at = step; at < text.size(); at += step) {
    while (at < text.size() && (text[at] & 0xC0) == 0x80) ++at;  // whole characters
    cuts.push_back(at);
  }
  const Answer whole = ParseAnswer(options, text, cut_off);
  const Answer cut = ParseAnswer(options, text, cut_off, cuts);
  Require(whole.error.empty() && cut.error.empty());
  Require(whole.content == cut.content && whole.reasoning == cut.reasoning);
  Require(whole.calls.size() == cut.calls.size());
  for (size_t i = 0; i < whole.calls.size(); ++i) {
    Require(whole.calls[i].name == cut.calls[i].name);
    Require(whole.calls[i].arguments_json == cut.calls[i].arguments_json);
    Require(whole.calls[i].complete == cut.calls[i].complete);
    if (!whole.calls[i].complete) continue;
    Require(IsJsonObject(whole.calls[i].arguments_json));
  }
  const auto action = autoglm::ParseAction(text);
  if (action.ok()) Require(IsJsonObject(action->parameters_json));
  return 0;
}

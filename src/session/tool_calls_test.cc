// Calls under a grammar: a model that knows nothing writes valid ones, in every family's form.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "chat/call_syntax.h"
#include "chat/syntax_templates_for_test.h"
#include "engine/fake_model.h"
#include "session/text_session.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kContext = 4096;

constexpr const char* kTools = R"([
  {"type": "function", "function": {"name": "tap", "parameters": {"type": "object", "properties": {
     "x": {"type": "integer", "minimum": 0, "maximum": 999},
     "how": {"type": "string", "enum": ["short", "long"]},
     "label": {"type": "string", "maxLength": 8},
     "again": {"type": "boolean"}}, "required": ["x", "how"]}}},
  {"type": "function", "function": {"name": "wait", "parameters": {"type": "object", "properties": {
     "ms": {"type": ["integer", "null"]}}, "required": ["ms"]}}}])";

std::unique_ptr<TextSession> RandomModel(const std::string& chat_template) {
  auto loaded = std::make_unique<LoadedModel>();
  loaded->clock = std::make_unique<FakeClock>();
  loaded->threads = std::make_unique<ThreadPool>(1);
  loaded->backend = NewCpuBackend(*loaded->threads);
  loaded->tokenizer = std::make_unique<ByteTokenizer>();
  loaded->model = std::make_unique<FakeModel>();
  loaded->engine =
      std::move(*Engine::Create(*loaded->model, *loaded->backend, loaded->tokenizer.get(),
                                *loaded->clock, {.n_kv_pages = kContext / 32}));
  loaded->batch_size = 64;
  loaded->info.n_ctx = kContext;
  SetChatTemplate(chat_template, loaded.get());
  return std::make_unique<TextSession>(std::move(loaded));
}

// What the schemas of kTools say, in C++.
void ExpectValid(const ToolCall& call) {
  EXPECT_TRUE(call.complete);
  const Json arguments = Json::parse(call.arguments_json, nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(arguments.is_object()) << call.arguments_json;
  if (call.name == "wait") {
    EXPECT_EQ(arguments.size(), 1u) << call.arguments_json;
    EXPECT_TRUE(arguments.contains("ms") &&
                (arguments["ms"].is_number_integer() || arguments["ms"].is_null()))
        << call.arguments_json;
    return;
  }
  EXPECT_EQ(call.name, "tap");
  size_t n_known = 2;
  ASSERT_TRUE(arguments.contains("x") && arguments["x"].is_number_integer());
  EXPECT_TRUE(arguments["x"] >= 0 && arguments["x"] <= 999);
  ASSERT_TRUE(arguments.contains("how"));
  EXPECT_TRUE(arguments["how"] == "short" || arguments["how"] == "long") << call.arguments_json;
  if (arguments.contains("label")) {
    ++n_known;
    EXPECT_TRUE(arguments["label"].is_string());
  }
  if (arguments.contains("again")) {
    ++n_known;
    EXPECT_TRUE(arguments["again"].is_boolean()) << call.arguments_json;
  }
  EXPECT_EQ(arguments.size(), n_known) << call.arguments_json;
}

TEST(ToolCalls, ARandomModelWritesValidCallsInEveryFamily) {
  const std::atomic<bool> cancelled = false;
  for (const char* family : kSyntaxTemplates) {
    SCOPED_TRACE(family);
    // The family's marks stand in a comment; what is shown is a bare conversation.
    const auto session =
        RandomModel(StrCat("{% for m in messages %}{{ m.content }}{% endfor %}{#", family, " #}"));
    ChatOptions options;
    options.tools_json = kTools;
    options.tool_choice = "required";
    options.temperature = 2;
    int n_calls = 0;
    for (uint64_t seed = 0; seed < 30; ++seed) {
      options.seed = seed;
      const auto result = session->Chat({{"user", "go"}}, options, nullptr, cancelled);
      ASSERT_TRUE(result.ok()) << result.status().ToString();
      if (result->stop_reason == StopReason::kContextFull) continue;  // ever more calls
      EXPECT_EQ(result->text, "");
      EXPECT_FALSE(result->tool_calls.empty());
      for (const ToolCall& call : result->tool_calls) ExpectValid(call);
      n_calls += static_cast<int>(result->tool_calls.size());
    }
    EXPECT_GE(n_calls, 20);

    options.tool_choice = "wait";
    options.parallel_tool_calls = false;
    const auto named = session->Chat({{"user", "go"}}, options, nullptr, cancelled);
    ASSERT_TRUE(named.ok()) << named.status().ToString();
    ASSERT_EQ(named->tool_calls.size(), 1u);
    EXPECT_EQ(named->tool_calls[0].name, "wait");
    ExpectValid(named->tool_calls[0]);
  }
}

TEST(ToolCalls, ASchemaHoldsTheContentOfAChat) {
  const std::atomic<bool> cancelled = false;
  const auto session = RandomModel("{% for m in messages %}{{ m.content }}{% endfor %}");
  ChatOptions options;
  options.seed = 1;
  options.json_schema = R"({"type": "object", "properties": {"ok": {"type": "boolean"}},
                            "required": ["ok"]})";
  const auto result = session->Chat({{"user", "go"}}, options, nullptr, cancelled);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_TRUE(Json::parse(result->text)["ok"].is_boolean()) << result->text;
  options.tools_json = kTools;
  options.grammar = "json";
  EXPECT_EQ(session->Chat({{"user", "go"}}, options, nullptr, cancelled).status().code(),
            StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace autoglm

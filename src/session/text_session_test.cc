// TextSession over a model without weights.
#include "session/text_session.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "engine/fake_model.h"

namespace autoglm {
namespace {

constexpr int kContext = 128;

/// Answers every prompt, which must end with '\n', with `answer` and the end of the text.
FakeModelOptions Answering(std::string answer) {
  FakeModelOptions options;
  options.next = [answer](std::span<const int32_t> history) -> int32_t {
    size_t n = 0;
    while (n < history.size() && history[history.size() - 1 - n] != '\n') ++n;
    return n < answer.size() ? static_cast<unsigned char>(answer[n]) : ByteTokenizer::kEos;
  };
  return options;
}

/// The same, behind the first '$'.
FakeModelOptions AnsweringAfterDollar(std::string answer) {
  FakeModelOptions options;
  options.next = [answer](std::span<const int32_t> history) -> int32_t {
    size_t begin = 0;
    while (begin < history.size() && history[begin] != '$') ++begin;
    const size_t n = history.size() - std::min(begin + 1, history.size());
    return n < answer.size() ? static_cast<unsigned char>(answer[n]) : ByteTokenizer::kEos;
  };
  return options;
}

struct Fixture {
  explicit Fixture(FakeModelOptions options = {}, bool with_tokenizer = true) {
    auto loaded = std::make_unique<LoadedModel>();
    auto fake_clock = std::make_unique<FakeClock>();
    clock = fake_clock.get();
    loaded->clock = std::move(fake_clock);
    loaded->threads = std::make_unique<ThreadPool>(1);
    loaded->backend = NewCpuBackend(*loaded->threads);
    if (with_tokenizer) {
      loaded->tokenizer = std::make_unique<ByteTokenizer>();
    } else {
      loaded->tokenizer_status = Error(StatusCode::kNotFound, "no tokenizer");
    }
    loaded->chat_status = Error(StatusCode::kFailedPrecondition, "no template");
    auto fake = std::make_unique<FakeModel>(std::move(options));
    model = fake.get();
    loaded->model = std::move(fake);
    loaded->engine = std::move(*Engine::Create(*model, *loaded->backend, loaded->tokenizer.get(),
                                               *clock, {.n_kv_pages = kContext / 32}));
    loaded->batch_size = 16;
    loaded->info.n_ctx = kContext;
    parts = loaded.get();
    session = std::make_unique<TextSession>(std::move(loaded));
  }

  void SetTemplate(std::string_view source) {
    SetChatTemplate(source, parts);
    ASSERT_TRUE(parts->chat_template) << parts->chat_status.ToString();
  }

  FakeClock* clock = nullptr;
  FakeModel* model = nullptr;
  LoadedModel* parts = nullptr;
  std::unique_ptr<TextSession> session;
  std::atomic<bool> cancelled = false;
};

GenerateOptions Greedy() { return {.temperature = 0}; }

constexpr char kTemplate[] =
    "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}\n{% endfor %}"
    "{% if extra %}{{ extra }}\n{% endif %}";

// Of the Hermes family: it mentions <tool_call> and shows its tools.
constexpr char kToolTemplate[] =
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% for c in m.tool_calls %}<tool_call>"
    "{{ c.function | tojson }}</tool_call>{% endfor %}{{ '\\n' }}{% endfor %}"
    "{% for t in tools %}{{ t.function.name }}{{ t.function.parameters.properties }}\n{% endfor %}"
    "{% if add_generation_prompt %}${% endif %}{# </think> #}";

TEST(TextSession, GeneratesWithStatisticsAndStreams) {
  Fixture f(Answering("Hello there."));
  std::vector<std::string> pieces;
  const auto result = f.session->Generate(
      "hi\n", Greedy(),
      [&](std::string_view text) {
        pieces.emplace_back(text);
        f.clock->AdvanceNs(1'000'000);
        return true;
      },
      f.cancelled);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->text, "Hello there.");
  EXPECT_EQ(pieces.size(), 12u);
  EXPECT_EQ(result->tokens.size(), 13u);
  EXPECT_EQ(result->tokens.back(), ByteTokenizer::kEos);
  EXPECT_EQ(result->stop_reason, StopReason::kEndOfGeneration);
  EXPECT_EQ(result->stats.n_prompt_tokens, 4);
  EXPECT_EQ(result->stats.n_cached_tokens, 0);
  EXPECT_EQ(result->stats.n_tokens, 13);
  EXPECT_EQ(result->stats.total_ms, 12);
  EXPECT_NEAR(result->stats.decode_tok_s, 1000, 1e-6);
}

TEST(TextSession, TheCallbackCancelsAndHeldBackTextIsReturned) {
  Fixture f(Answering("one two STO"));
  GenerateOptions options = Greedy();
  options.stop = {"wxyz", "two STOP"};
  int n_pieces = 0;
  auto result = f.session->Generate(
      "hi\n", options, [&](std::string_view) { return ++n_pieces < 3; }, f.cancelled);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->text, "one");
  EXPECT_EQ(result->stop_reason, StopReason::kCancelled);
  EXPECT_EQ(n_pieces, 3);
  // It can go on afterwards, with what is computed.
  result = f.session->Generate("hi\n", options, nullptr, f.cancelled);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->text, "one two STO");
  EXPECT_EQ(result->stats.n_cached_tokens, 3);
}

TEST(TextSession, TheFlagCancelsEvenWithoutText) {
  Fixture f;
  f.cancelled = true;
  const auto result = f.session->Generate("hi\n", Greedy(), nullptr, f.cancelled);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->stop_reason, StopReason::kCancelled);
  EXPECT_TRUE(result->tokens.empty());
}

TEST(TextSession, OptionsReachTheEngine) {
  Fixture f(Answering("abc def"));
  GenerateOptions options = Greedy();
  options.max_tokens = 2;
  auto result = f.session->Generate("hi\n", options, nullptr, f.cancelled);
  EXPECT_EQ(result->text, "ab");
  EXPECT_EQ(result->stop_reason, StopReason::kLength);

  options = Greedy();
  options.stop = {" d"};
  result = f.session->Generate("hi\n", options, nullptr, f.cancelled);
  EXPECT_EQ(result->text, "abc");
  EXPECT_EQ(result->stop_reason, StopReason::kStopString);

  options = Greedy();
  options.logit_bias = {{'a', -100}, {'Z', 50}};
  options.max_tokens = 1;
  result = f.session->Generate("hi\n", options, nullptr, f.cancelled);
  EXPECT_EQ(result->text, "Z");

  options = Greedy();
  options.ignore_eos = true;
  options.keep_special = true;
  options.max_tokens = 9;
  result = f.session->Generate("hi\n", options, nullptr, f.cancelled);
  EXPECT_EQ(result->text, "abc def<eos><eos>");

  options = Greedy();
  options.add_special = false;
  options.parse_special = true;
  result = f.session->Generate("<mark>\n", options, nullptr, f.cancelled);
  EXPECT_EQ(result->stats.n_prompt_tokens, 2);

  options.temperature = 3;
  options.seed = 5;
  result = f.session->Generate("x", options, nullptr, f.cancelled);
  EXPECT_EQ(result->seed, 5u);
  const std::vector<int32_t> first = result->tokens;
  result = f.session->Generate("x", options, nullptr, f.cancelled);
  EXPECT_EQ(result->tokens, first);
}

TEST(TextSession, TheContextsEndIsToldWithFigures) {
  FakeModelOptions options;
  options.next = [](std::span<const int32_t>) { return 'x'; };
  Fixture f(options);
  auto result = f.session->Generate("hi", Greedy(), nullptr, f.cancelled);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->stop_reason, StopReason::kContextFull);
  EXPECT_EQ(result->stats.n_tokens, kContext - 3);
  EXPECT_NE(result->status.message().find("128"), std::string::npos);

  result = f.session->Generate(std::string(200, 'y'), Greedy(), nullptr, f.cancelled);
  EXPECT_EQ(result.status().code(), StatusCode::kResourceExhausted);

  GenerateOptions drop = Greedy();
  drop.context_policy = ContextPolicy::kDropOldest;
  drop.n_keep = 1;
  drop.max_tokens = 300;
  result = f.session->Generate(std::string(200, 'y'), drop, nullptr, f.cancelled);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->text, std::string(300, 'x'));
}

TEST(TextSession, RefusesWrongPromptsAndOptions) {
  Fixture f;
  const auto code = [&](std::string_view prompt, const GenerateOptions& options) {
    return f.session->Generate(prompt, options, nullptr, f.cancelled).status().code();
  };
  GenerateOptions options = Greedy();
  options.add_special = false;
  EXPECT_EQ(code("", options), StatusCode::kInvalidArgument);
  options = Greedy();
  options.max_tokens = 0;
  EXPECT_EQ(code("a", options), StatusCode::kOutOfRange);
  options = Greedy();
  options.top_p = 2;
  EXPECT_EQ(code("a", options), StatusCode::kOutOfRange);
  options = Greedy();
  options.stop = {""};
  EXPECT_EQ(code("a", options), StatusCode::kInvalidArgument);
  options = Greedy();
  options.max_tokens = 1;
  EXPECT_EQ(code("", options), StatusCode::kOk);  // BOS alone
}

TEST(TextSession, AModelWithoutTokenizerTakesTokens) {
  Fixture f({}, /*with_tokenizer=*/false);
  EXPECT_EQ(f.session->Generate("a", {}, nullptr, f.cancelled).status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(f.session->Detokenize({}, false).status().code(), StatusCode::kNotFound);
  const std::vector<int32_t> prompt = {1, 2, 3};
  GenerateOptions options = Greedy();
  options.max_tokens = 7;
  const auto result = f.session->GenerateFromTokens(prompt, options, nullptr, f.cancelled);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->tokens, f.model->ExpectedGreedy(prompt, 7));
  EXPECT_EQ(result->text, "");
}

TEST(TextSession, ChatRendersTheTemplateAndKeepsTheCommonPrefix) {
  Fixture f(Answering("fine"));
  f.SetTemplate(kTemplate);
  ChatOptions options;
  options.temperature = 0;
  std::vector<ChatMessage> messages = {{"user", "how are you?"}};
  EXPECT_EQ(*f.session->RenderChat(messages, options), "<bos>[user]how are you?\n");
  auto result = f.session->Chat(messages, options, nullptr, f.cancelled);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->text, "fine");
  EXPECT_EQ(result->stats.n_prompt_tokens, 20);
  EXPECT_EQ(result->stats.n_cached_tokens, 0);

  messages.push_back({"assistant", result->text});
  messages.push_back({"user", "good"});
  result = f.session->Chat(messages, options, nullptr, f.cancelled);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->text, "fine");
  EXPECT_EQ(result->stats.n_cached_tokens, 20);
}

TEST(TextSession, ChatPassesVariablesAndFurtherFields) {
  Fixture f(Answering("ok"));
  f.SetTemplate(kTemplate);
  ChatOptions options;
  options.template_variables_json = R"({"extra": "E"})";
  EXPECT_EQ(*f.session->RenderChat({{"user", "a"}}, options), "<bos>[user]a\nE\n");
  EXPECT_EQ(*f.session->RenderChat({{"user", "a", R"({"content": "b"})"}}, {}), "<bos>[user]b\n");
  const auto code = [&](const std::vector<ChatMessage>& messages, const ChatOptions& o) {
    return f.session->RenderChat(messages, o).status().code();
  };
  options.tools_json = "{}";
  EXPECT_EQ(code({{"user", "a"}}, options), StatusCode::kInvalidArgument);
  options.tools_json = "[";
  EXPECT_EQ(code({{"user", "a"}}, options), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({{"user", "a", "7"}}, {}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({{"user", "\xFF"}}, {}), StatusCode::kOk);
}

constexpr char kTapTool[] = R"([{"function": {"name": "tap", "parameters":
    {"properties": {"x": {"type": "integer"}}}}}])";

TEST(TextSession, ChatSplitsReasoningAndCallsOff) {
  Fixture f(
      AnsweringAfterDollar("<think>Hm</think>Ok <tool_call>\n{\"name\": \"tap\", "
                           "\"arguments\": {\"x\": 7}}\n</tool_call>"));
  f.SetTemplate(kToolTemplate);
  ChatOptions options;
  options.temperature = 0;
  options.tools_json = kTapTool;
  EXPECT_EQ(*f.session->RenderChat({{"user", "a"}}, options),
            "[user]a\ntap{'x': {'type': 'integer'}}\n$");
  std::vector<ChatDelta> deltas;
  const auto result = f.session->Chat(
      {{"user", "a"}}, options,
      [&](const ChatDelta& delta) {
        deltas.push_back(delta);
        return true;
      },
      f.cancelled);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->reasoning, "Hm");
  EXPECT_EQ(result->text, "Ok");
  ASSERT_EQ(result->tool_calls.size(), 1u);
  EXPECT_EQ(result->tool_calls[0].name, "tap");
  EXPECT_EQ(result->tool_calls[0].arguments_json, R"({"x": 7})");
  EXPECT_TRUE(result->tool_calls[0].complete);
  ASSERT_GE(deltas.size(), 6u);
  EXPECT_EQ(deltas.front().kind, ChatDelta::Kind::kReasoning);
  EXPECT_EQ(deltas.back().kind, ChatDelta::Kind::kCallEnd);

  options.max_tokens = 66;  // within the arguments
  const auto cut = f.session->Chat({{"user", "a"}}, options, nullptr, f.cancelled);
  ASSERT_EQ(cut->tool_calls.size(), 1u);
  EXPECT_FALSE(cut->tool_calls[0].complete);

  options.split_reasoning = false;
  options.tool_choice = "none";
  const auto raw = f.session->Chat({{"user", "a"}}, options, nullptr, f.cancelled);
  EXPECT_EQ(raw->text.substr(0, 20), "<think>Hm</think>Ok ");
  options.tool_choice = "nobody";
  EXPECT_EQ(f.session->Chat({{"user", "a"}}, options, nullptr, f.cancelled).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(TextSession, ChatTakesEarlierCallsAndTheirResults) {
  Fixture f(Answering("ok"));
  f.SetTemplate(kToolTemplate);
  const std::vector<ChatMessage> messages = {
      {"user", "a"},
      {"assistant", "", R"({"content": null, "tool_calls": [{"id": "1", "function":
                           {"name": "tap", "arguments": "{\"x\": 7}"}}]})"},
      {"tool", "done", R"({"tool_call_id": "1"})"}};
  EXPECT_EQ(*f.session->RenderChat(messages, {}),
            "[user]a\n[assistant]<tool_call>{\"name\": \"tap\", \"arguments\": {\"x\": 7}}"
            "</tool_call>\n[tool]done\n$");
}

TEST(TextSession, ChatWithoutTemplateSaysSo) {
  Fixture f;
  EXPECT_EQ(f.session->Chat({{"user", "a"}}, {}, nullptr, f.cancelled).status().code(),
            StatusCode::kFailedPrecondition);
}

TEST(TextSession, LogitsOfEveryPositionLeaveGenerateAsItWas) {
  Fixture f;
  GenerateOptions options = Greedy();
  options.max_tokens = 5;
  const auto before = f.session->Generate(std::string(90, 'a'), options, nullptr, f.cancelled);
  const std::vector<int32_t> tokens(kContext, 'b');
  int next = 0;
  ASSERT_TRUE(f.session
                  ->Logits(
                      tokens,
                      [&](int position, std::span<const float> logits) {
                        EXPECT_EQ(position, next++);
                        EXPECT_EQ(logits.size(), 300u);
                        return true;
                      },
                      f.cancelled)
                  .ok());
  EXPECT_EQ(next, kContext);
  const auto after = f.session->Generate(std::string(90, 'a'), options, nullptr, f.cancelled);
  EXPECT_EQ(after->tokens, before->tokens);
  const auto stop = [](int, std::span<const float>) { return false; };
  EXPECT_EQ(f.session->Logits(tokens, stop, f.cancelled).code(), StatusCode::kCancelled);
  const std::vector<int32_t> too_many(kContext + 1, 'b');
  EXPECT_EQ(f.session->Logits(too_many, stop, f.cancelled).code(), StatusCode::kResourceExhausted);
}

TEST(LoadedModel, RecommendedSamplingComesFromTheMetadata) {
  Metadata metadata;
  EXPECT_EQ(RecommendedOptions(metadata)->temperature, 1);
  metadata.SetF32("general.sampling.temp", 0.5f);
  metadata.SetF32("general.sampling.top_p", 0.25f);
  metadata.SetI32("general.sampling.top_k", 20);
  const auto options = RecommendedOptions(metadata);
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->temperature, 0.5f);
  EXPECT_EQ(options->top_p, 0.25f);
  EXPECT_EQ(options->top_k, 20);

  Metadata folder;
  folder.SetF32("autoglm.generation.repetition_penalty", 1.5f);
  folder.SetF32("autoglm.generation.temperature", 0.75f);
  folder.SetI32("autoglm.generation.top_k", 5);
  EXPECT_EQ(RecommendedOptions(folder)->repetition_penalty, 1.5f);
  EXPECT_EQ(RecommendedOptions(folder)->temperature, 0.75f);
  EXPECT_EQ(RecommendedOptions(folder)->top_k, 5);
  folder.SetBool("autoglm.generation.do_sample", false);
  EXPECT_EQ(RecommendedOptions(folder)->temperature, 0);

  metadata.SetString("general.sampling.temp", "hot");
  EXPECT_FALSE(RecommendedOptions(metadata).ok());
}

}  // namespace
}  // namespace autoglm

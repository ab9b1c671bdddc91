// Sequences under a grammar: with and without jump-ahead, forked, with other limits.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/fake_model.h"
#include "engine/jump_ahead.h"
#include "platform/thread_pool.h"
#include "sampling/grammar/builtin.h"
#include "text/tokenizer_for_test.h"

namespace autoglm {
namespace {

struct Fixture {
  Fixture() {
    engine = std::move(*Engine::Create(model, *backend, &tokenizer, clock, {.max_sequences = 2}));
  }

  SequenceOptions Options(const std::string& gbnf, GrammarSpec spec = {}) {
    SequenceOptions options;
    options.sampling.temperature = 2;
    spec.gbnf = gbnf;
    auto grammar = engine->CompileGrammar(spec);
    EXPECT_TRUE(grammar.ok()) << grammar.status().ToString();
    if (grammar.ok()) options.grammar = *grammar;
    return options;
  }

  /// Runs to the end; the text.
  std::string Run(Sequence& sequence) {
    Sequence* const sequences[] = {&sequence};
    std::string text;
    for (n_steps = 0; sequence.active(); ++n_steps) {
      const auto stats = engine->Step(sequences, {});
      EXPECT_TRUE(stats.ok()) << stats.status().ToString();
      if (!stats.ok()) break;
      text += sequence.output().text;
    }
    return text;
  }

  std::string Answer(const SequenceOptions& options, std::vector<int32_t>* tokens = nullptr) {
    const auto sequence = engine->NewSequence(600);
    const Status status = sequence->Start(tokenizer.Encode("prompt", {}), options);
    EXPECT_TRUE(status.ok()) << status.ToString();
    const std::string text = Run(*sequence);
    reason = sequence->stop_reason();
    last_status = sequence->status();
    if (tokens != nullptr) {
      const auto generated = sequence->tokens().last(sequence->n_generated());
      tokens->assign(generated.begin(), generated.end());
    }
    return text;
  }

  ThreadPool threads{1};
  std::unique_ptr<Backend> backend = NewCpuBackend(threads);
  ByteTokenizer tokenizer;
  FakeClock clock;
  FakeModel model;
  std::unique_ptr<Engine> engine;
  int n_steps = 0;
  StopReason reason = StopReason::kNone;
  Status last_status;
};

constexpr char kPoint[] =
    "root ::= \"do(action=\\\"\" (\"Tap\" | \"Long Press\") \"\\\", element=[\" [0-9]{3} \"])\"";

bool Matches(const std::string& gbnf, const std::string& text) {
  GrammarMatcher matcher(*Grammar::Compile({.gbnf = gbnf}, nullptr));
  return matcher.AcceptText(text) == text.size() && matcher.CanEnd();
}

TEST(EngineGrammar, AnAnswerMatchesAndEndsByItself) {
  Fixture f;
  SequenceOptions options = f.Options(kPoint);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    options.sampling.seed = seed;
    options.ignore_eos = seed % 2 == 0;
    std::vector<int32_t> tokens;
    const std::string text = f.Answer(options, &tokens);
    EXPECT_TRUE(Matches(kPoint, text)) << text;
    EXPECT_EQ(f.reason, StopReason::kEndOfGeneration);
    EXPECT_EQ(tokens.back(), ByteTokenizer::kEos);
  }
}

TEST(EngineGrammar, JumpAheadChangesTheStepsAndNotTheAnswer) {
  Fixture f;
  SequenceOptions options = f.Options(kPoint);
  for (const float temperature : {0.0f, 2.0f}) {
    options.sampling.temperature = temperature;
    options.jump_ahead = true;
    std::vector<int32_t> jumped, stepped, with_logprobs;
    f.Answer(options, &jumped);
    const int n_jump_steps = f.n_steps;
    options.jump_ahead = false;
    f.Answer(options, &stepped);
    EXPECT_EQ(jumped, stepped);
    EXPECT_LT(n_jump_steps, 6);
    EXPECT_GT(f.n_steps, 30);
    options.n_logprobs = 2;
    f.Answer(options, &with_logprobs);
    EXPECT_EQ(jumped, with_logprobs);
    options.n_logprobs = -1;
  }
}

TEST(EngineGrammar, ForcedTokensRespectLimitsAndStopStrings) {
  Fixture f;
  SequenceOptions options = f.Options(kPoint);
  options.max_new_tokens = 5;
  EXPECT_EQ(f.Answer(options), "do(ac");
  EXPECT_EQ(f.reason, StopReason::kLength);
  options.max_new_tokens = SequenceOptions::kNoLimit;
  options.stop = {"tion"};
  EXPECT_EQ(f.Answer(options), "do(ac");
  EXPECT_EQ(f.reason, StopReason::kStopString);
  options = f.Options("root ::= \"a\"{2000}");
  f.Answer(options);
  EXPECT_EQ(f.reason, StopReason::kContextFull);
  options.context_policy = ContextPolicy::kDropOldest;
  EXPECT_EQ(f.Answer(options), std::string(2000, 'a'));
}

TEST(EngineGrammar, ForksGoOnAlone) {
  Fixture f;
  SequenceOptions options = f.Options("root ::= [a-z]{40} \"!\"");
  const auto sequence = f.engine->NewSequence(200);
  ASSERT_TRUE(sequence->Start(f.tokenizer.Encode("x", {}), options).ok());
  Sequence* const both[] = {sequence.get()};
  std::string text;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(f.engine->Step(both, {}).ok());
    text += sequence->output().text;
  }
  const auto fork = sequence->Fork();
  fork->Reseed(7);
  const std::string a = text + f.Run(*sequence), b = text + f.Run(*fork);
  EXPECT_NE(a, b);
  EXPECT_TRUE(Matches("root ::= [a-z]{40} \"!\"", a)) << a;
  EXPECT_TRUE(Matches("root ::= [a-z]{40} \"!\"", b)) << b;
}

TEST(EngineGrammar, TheModelsOwnTextUntilATrigger) {
  FakeModelOptions saying;
  saying.next = [](std::span<const int32_t> history) -> int32_t {
    const std::string text = "well <call>zz";
    const size_t i = history.size() - 7;
    return i < text.size() ? static_cast<unsigned char>(text[i]) : ByteTokenizer::kEos;
  };
  Fixture f;
  FakeModel model(saying);
  f.engine = std::move(*Engine::Create(model, *f.backend, &f.tokenizer, f.clock, {}));
  GrammarSpec spec;
  spec.triggers = {{"<call>"}};
  SequenceOptions options = f.Options("root ::= \"{}\"", spec);
  options.sampling.temperature = 0;
  EXPECT_EQ(f.Answer(options), "well <call>{}");
  EXPECT_EQ(f.reason, StopReason::kEndOfGeneration);
}

TEST(EngineGrammar, WhatCannotWorkIsRefused) {
  Fixture f;
  EXPECT_EQ(f.engine->CompileGrammar({.gbnf = "root ::="}).status().code(), StatusCode::kOk);
  EXPECT_EQ(f.engine->CompileGrammar({.gbnf = "root ="}).status().code(),
            StatusCode::kInvalidArgument);
  const auto engine = std::move(*Engine::Create(f.model, *f.backend, nullptr, f.clock, {}));
  EXPECT_EQ(engine->CompileGrammar({.gbnf = "root ::= \"a\""}).status().code(),
            StatusCode::kFailedPrecondition);
  SequenceOptions options = f.Options("root ::= \"a\"");
  options.grammar = *Grammar::Compile({.gbnf = "root ::= \"a\""}, nullptr);
  EXPECT_EQ(f.engine->NewSequence(100)->Start({{1, 2}}, options).code(),
            StatusCode::kInvalidArgument);
  // A grammar whose control token was banned: no token is left.
  options = f.Options("root ::= \"a\" [b-c]");
  options.sampling.logit_bias = {{'b', -INFINITY}, {'c', -INFINITY}};
  EXPECT_EQ(f.Answer(options), "a");
  EXPECT_EQ(f.reason, StopReason::kError);
}

TEST(ForcedTokens, AreThoseOfTheTokenizerUpToWhereTheModelMayChoose) {
  const Metadata metadata =
      MakeByteBpe("gpt-2", {"a b", "ab c", "d e", "e f", "\xC4\xA0 x"});  // U+0120 is a space
  const auto tokenizer = std::move(*Tokenizer::Create(metadata));
  const auto vocabulary = MakeGrammarVocabulary(*tokenizer, tokenizer->vocab_size());
  const auto forced = [&](const std::string& gbnf, std::string_view before = "") {
    GrammarMatcher matcher(*Grammar::Compile({.gbnf = gbnf}, vocabulary));
    const std::vector<int32_t> context = tokenizer->Encode(before, {.add_special = false});
    std::vector<std::string> pieces;
    for (const int32_t id : ForcedTokens(matcher, *tokenizer, context, 100)) {
      pieces.emplace_back(tokenizer->TokenBytes(id));
    }
    return pieces;
  };
  using Pieces = std::vector<std::string>;
  EXPECT_EQ(forced("root ::= \"abcd\""), (Pieces{"abc", "d"}));
  EXPECT_EQ(forced("root ::= \"abc x\"", "def"), (Pieces{"abc", " x"}));
  EXPECT_EQ(forced("root ::= \"abc\" [de]"), (Pieces{"abc"}));
  EXPECT_EQ(forced("root ::= \"abc\" \"d\" [de]"), (Pieces{"abc"}));  // d, or de
  EXPECT_EQ(forced("root ::= \"abc\" \"d\" [fg]"), (Pieces{"abc", "d"}));
  EXPECT_EQ(forced("root ::= \"ab\" [a-z]"), (Pieces{}));
  EXPECT_EQ(forced("root ::= \"x\" <|control|> \"abc\""), (Pieces{"x"}));
  EXPECT_EQ(forced("root ::= <|control|> \"abc\""), (Pieces{"<|control|>"}));
}

}  // namespace
}  // namespace autoglm

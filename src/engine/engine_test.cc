// Engine and Sequence with a model that answers from its cache pages only.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "engine/fake_model.h"
#include "platform/thread_pool.h"

namespace autoglm {
namespace {

std::vector<int32_t> Ids(std::string_view text) {
  return ByteTokenizer().Encode(text, {.add_special = true});
}

SequenceOptions Greedy(int max_new_tokens) {
  SequenceOptions options;
  options.sampling.temperature = 0;
  options.max_new_tokens = max_new_tokens;
  return options;
}

/// An engine over a FakeModel with everything it needs.
struct Fixture {
  explicit Fixture(FakeModelOptions model_options = {}, EngineOptions options = {},
                   bool with_tokenizer = false)
      : model(std::move(model_options)) {
    auto created =
        Engine::Create(model, *backend, with_tokenizer ? &tokenizer : nullptr, clock, options);
    EXPECT_TRUE(created.ok()) << created.status().ToString();
    engine = std::move(*created);
  }

  /// Steps until no sequence is active, and returns the text of the first.
  std::string Run(std::vector<Sequence*> sequences, int max_tokens = 512) {
    std::string text;
    for (bool active = true; active;) {
      Result<StepStats> stats = engine->Step(sequences, {.max_tokens = max_tokens});
      EXPECT_TRUE(stats.ok()) << stats.status().ToString();
      if (!stats.ok()) return text;
      EXPECT_LE(stats->n_tokens, max_tokens);
      text += sequences[0]->output().text;
      active = false;
      for (Sequence* sequence : sequences) active |= sequence->active();
    }
    return text;
  }

  std::vector<int32_t> Generated(const Sequence& sequence) {
    const auto tokens = sequence.tokens().last(sequence.n_generated());
    return {tokens.begin(), tokens.end()};
  }

  ThreadPool threads{1};
  std::unique_ptr<Backend> backend = NewCpuBackend(threads);
  ByteTokenizer tokenizer;
  FakeClock clock;
  FakeModel model;
  std::unique_ptr<Engine> engine;
};

/// Writes `text` after a prompt of `n_prompt` tokens, then end-of-text tokens.
FakeModelOptions Saying(std::string text, int n_prompt) {
  FakeModelOptions options;
  options.next = [text, n_prompt](std::span<const int32_t> history) -> int32_t {
    const size_t i = history.size() - n_prompt;
    return i < text.size() ? static_cast<unsigned char>(text[i]) : ByteTokenizer::kEos;
  };
  return options;
}

TEST(Engine, GreedyAnswerFollowsTheModel) {
  Fixture f;
  auto sequence = f.engine->NewSequence(200);
  ASSERT_TRUE(sequence->Start(Ids("hello"), Greedy(100)).ok());
  EXPECT_EQ(sequence->n_pending(), 6);
  f.Run({sequence.get()});
  EXPECT_EQ(f.Generated(*sequence), f.model.ExpectedGreedy(Ids("hello"), 100));
  EXPECT_EQ(sequence->stop_reason(), StopReason::kLength);
  EXPECT_EQ(sequence->n_pending(), 1);  // the last choice is not computed
}

TEST(Engine, ChunkedPrefillGivesTheSameAsOneGo) {
  const std::vector<int32_t> prompt = Ids(std::string(150, 'x') + "yz");
  for (int max_tokens : {1, 7, 32, 33, 64, 500}) {
    Fixture f;
    auto sequence = f.engine->NewSequence(200);
    ASSERT_TRUE(sequence->Start(prompt, Greedy(20)).ok());
    f.Run({sequence.get()}, max_tokens);
    EXPECT_EQ(f.Generated(*sequence), f.model.ExpectedGreedy(prompt, 20)) << max_tokens;
  }
}

TEST(Engine, SequencesInOneBatchGiveTheSameAsAlone) {
  Fixture f({}, {.n_kv_pages = 128, .max_sequences = 8});
  std::vector<std::unique_ptr<Sequence>> owners;
  std::vector<Sequence*> sequences;
  for (int i = 0; i < 8; ++i) {
    owners.push_back(f.engine->NewSequence(200));
    sequences.push_back(owners.back().get());
    ASSERT_TRUE(owners[i]->Start(Ids(std::string(1 + 17 * i, 'a' + i)), Greedy(10 + 5 * i)).ok());
  }
  f.Run(sequences, 40);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(f.Generated(*owners[i]),
              f.model.ExpectedGreedy(Ids(std::string(1 + 17 * i, 'a' + i)), 10 + 5 * i))
        << i;
  }
}

TEST(Engine, DecodingSequencesAreServedBeforePrefill) {
  Fixture f({}, {.max_sequences = 4});
  auto talker = f.engine->NewSequence(300);
  auto reader = f.engine->NewSequence(300);
  ASSERT_TRUE(talker->Start(Ids("a"), Greedy(50)).ok());
  f.Run({talker.get()}, 1);
  ASSERT_TRUE(talker->Start(Ids("a"), Greedy(50)).ok());
  ASSERT_TRUE(reader->Start(Ids(std::string(100, 'b')), Greedy(1)).ok());
  // The long prompt is named first, and still the talker gets a token in every step.
  Sequence* const both[] = {reader.get(), talker.get()};
  int n_steps = 0;
  while (reader->active()) {
    const Result<StepStats> stats = f.engine->Step(both, {.max_tokens = 16});
    ASSERT_TRUE(stats.ok());
    EXPECT_EQ(talker->output().token.id >= 0, true);
    EXPECT_LE(stats->n_tokens, 16);
    ++n_steps;
  }
  EXPECT_EQ(n_steps, 7);  // 101 tokens by 15
}

TEST(Engine, ASequenceWithoutARowOfLogitsWaits) {
  Fixture f({.max_output_rows = 2}, {.max_sequences = 2});
  std::vector<std::unique_ptr<Sequence>> owners;
  std::vector<Sequence*> sequences;
  for (int i = 0; i < 5; ++i) {
    owners.push_back(f.engine->NewSequence(100));
    sequences.push_back(owners.back().get());
    ASSERT_TRUE(owners[i]->Start(Ids(std::string(1 + i, 'q')), Greedy(6)).ok());
  }
  f.Run(sequences);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(f.Generated(*owners[i]), f.model.ExpectedGreedy(Ids(std::string(1 + i, 'q')), 6));
  }
}

TEST(Engine, ASequenceWithoutPagesFailsAloneAndKeepsItsText) {
  Fixture f({}, {.n_kv_pages = 3, .max_sequences = 2});
  auto small = f.engine->NewSequence(90);
  auto large = f.engine->NewSequence(90);
  ASSERT_TRUE(small->Start(Ids("s"), Greedy(20)).ok());
  ASSERT_TRUE(large->Start(Ids("l"), Greedy(80)).ok());
  f.Run({small.get(), large.get()});
  EXPECT_EQ(small->stop_reason(), StopReason::kLength);
  EXPECT_EQ(f.Generated(*small), f.model.ExpectedGreedy(Ids("s"), 20));
  EXPECT_EQ(large->stop_reason(), StopReason::kError);
  EXPECT_EQ(large->status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(large->tokens().size(), 65u);  // two pages computed, and the token chosen last
  small.reset();
  EXPECT_EQ(f.engine->pool().n_free_pages(), 1);
  large.reset();
  EXPECT_EQ(f.engine->pool().n_free_pages(), 3);
}

TEST(Engine, LogitsThatAreNotNumbersFailTheirSequenceOnly) {
  class Broken : public FakeModel {
   public:
    using FakeModel::FakeModel;
    Status Forward(const Batch& batch, const Tensor& logits) override {
      AUTOGLM_RETURN_IF_ERROR(FakeModel::Forward(batch, logits));
      if (logits.rows() == 2) logits.f32_row(1)[3] = std::numeric_limits<float>::quiet_NaN();
      return OkStatus();
    }
  };
  Fixture f;
  Broken model;
  auto engine =
      std::move(*Engine::Create(model, *f.backend, nullptr, f.clock, {.max_sequences = 2}));
  auto good = engine->NewSequence(50);
  auto bad = engine->NewSequence(50);
  ASSERT_TRUE(good->Start(Ids("g"), Greedy(5)).ok());
  ASSERT_TRUE(bad->Start(Ids("b"), Greedy(5)).ok());
  Sequence* const both[] = {good.get(), bad.get()};
  while (good->active()) {
    ASSERT_TRUE(engine->Step(both, {}).ok());
  }
  EXPECT_EQ(f.Generated(*good), model.ExpectedGreedy(Ids("g"), 5));
  EXPECT_EQ(bad->stop_reason(), StopReason::kError);
  EXPECT_EQ(bad->status().code(), StatusCode::kDataLoss);
}

TEST(Engine, AFailedForwardPassLeavesEverySequenceAsItWas) {
  Fixture f({}, {.max_sequences = 2});
  auto a = f.engine->NewSequence(50);
  auto b = f.engine->NewSequence(50);
  ASSERT_TRUE(a->Start(Ids("aa"), Greedy(5)).ok());
  ASSERT_TRUE(b->Start(Ids("b"), Greedy(5)).ok());
  Sequence* const both[] = {a.get(), b.get()};
  ASSERT_TRUE(f.engine->Step(both, {}).ok());
  f.model.FailNext(Error(StatusCode::kIoError, "unplugged"));
  EXPECT_EQ(f.engine->Step(both, {}).status().code(), StatusCode::kIoError);
  EXPECT_EQ(a->n_pending(), 1);
  f.Run({a.get(), b.get()});
  EXPECT_EQ(f.Generated(*a), f.model.ExpectedGreedy(Ids("aa"), 5));
  EXPECT_EQ(f.Generated(*b), f.model.ExpectedGreedy(Ids("b"), 5));
}

TEST(Engine, RefusesWrongCalls) {
  Fixture f;
  Fixture other;
  auto sequence = f.engine->NewSequence(10);
  Sequence* const twice[] = {sequence.get(), sequence.get()};
  Sequence* const null[] = {nullptr};
  const auto code = [](const Result<StepStats>& r) { return r.status().code(); };
  EXPECT_EQ(code(f.engine->Step(twice, {})), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(f.engine->Step(null, {})), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(other.engine->Step({twice, 1}, {})), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(f.engine->Step({twice, 1}, {.max_tokens = 0})), StatusCode::kInvalidArgument);
  EXPECT_TRUE(f.engine->Step({twice, 1}, {}).ok());  // nothing to do
  EXPECT_FALSE(Engine::Create(f.model, *f.backend, nullptr, f.clock, {.max_sequences = 0}).ok());
}

TEST(Sequence, StartRefusesWhatCannotWork) {
  Fixture f;
  auto sequence = f.engine->NewSequence(10);
  const std::vector<int32_t> outside = {1, 300};
  EXPECT_EQ(sequence->Start({}, Greedy(1)).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(sequence->Start(outside, Greedy(1)).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(sequence->Start(Ids("a"), Greedy(0)).code(), StatusCode::kOutOfRange);
  EXPECT_EQ(sequence->Start(Ids("a"), Greedy(-2)).code(), StatusCode::kOutOfRange);
  EXPECT_EQ(sequence->Start(Ids("123456789"), Greedy(1)).code(), StatusCode::kResourceExhausted);
  SequenceOptions options = Greedy(1);
  options.sampling.temperature = -1;
  EXPECT_EQ(sequence->Start(Ids("a"), options).code(), StatusCode::kOutOfRange);
  options = Greedy(1);
  options.context_policy = ContextPolicy::kDropOldest;
  options.n_keep = 9;
  EXPECT_EQ(sequence->Start(Ids("a"), options).code(), StatusCode::kOutOfRange);
  EXPECT_FALSE(sequence->active());
  EXPECT_TRUE(sequence->Start(Ids("12345678"), Greedy(1)).ok());
}

TEST(Sequence, EndsAtTheEndOfTheContext) {
  Fixture f;
  auto sequence = f.engine->NewSequence(40);
  ASSERT_TRUE(sequence->Start(Ids("abc"), Greedy(SequenceOptions::kNoLimit)).ok());
  f.Run({sequence.get()});
  EXPECT_EQ(sequence->stop_reason(), StopReason::kContextFull);
  EXPECT_EQ(sequence->status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(sequence->n_generated(), 36);
  EXPECT_EQ(f.Generated(*sequence), f.model.ExpectedGreedy(Ids("abc"), 36));
}

TEST(Sequence, DroppingTheOldestContinuesAsAFreshPromptOfTheRest) {
  Fixture f;
  auto sequence = f.engine->NewSequence(40);
  SequenceOptions options = Greedy(100);
  options.context_policy = ContextPolicy::kDropOldest;
  options.n_keep = 4;
  ASSERT_TRUE(sequence->Start(Ids("abc"), options).ok());
  // The same by hand.
  std::vector<int32_t> text = Ids("abc");
  std::vector<int32_t> answer;
  while (answer.size() < 100) {
    answer.push_back(f.model.ExpectedGreedy(text, 1)[0]);
    text.push_back(answer.back());
    if (text.size() == 40) text.erase(text.begin() + 4, text.end() - 18);
  }
  std::vector<int32_t> got;
  Sequence* const one[] = {sequence.get()};
  while (sequence->active()) {
    ASSERT_TRUE(f.engine->Step(one, {.max_tokens = 5}).ok());
    if (sequence->output().token.id >= 0) got.push_back(sequence->output().token.id);
  }
  EXPECT_EQ(got, answer);
  EXPECT_EQ(sequence->n_generated(), 100);
  EXPECT_EQ(std::vector<int32_t>(sequence->tokens().begin(), sequence->tokens().end()), text);
}

TEST(Sequence, APromptLongerThanTheContextLosesItsOldestTokens) {
  Fixture f;
  auto sequence = f.engine->NewSequence(40);
  SequenceOptions options = Greedy(3);
  options.context_policy = ContextPolicy::kDropOldest;
  options.n_keep = 4;
  std::vector<int32_t> prompt(1000);
  std::iota(prompt.begin(), prompt.end(), -700);
  for (int32_t& id : prompt) id = (id + 1000) % 300;
  ASSERT_TRUE(sequence->Start(prompt, options).ok());
  f.Run({sequence.get()});
  std::vector<int32_t> kept(prompt.begin(), prompt.begin() + 4);
  kept.insert(kept.end(), prompt.end() - 18, prompt.end());
  EXPECT_EQ(f.Generated(*sequence), f.model.ExpectedGreedy(kept, 3));
}

TEST(Sequence, StartKeepsTheCommonPrefixComputed) {
  Fixture f;
  auto sequence = f.engine->NewSequence(300);
  const std::vector<int32_t> first = Ids(std::string(100, 'a'));
  ASSERT_TRUE(sequence->Start(first, Greedy(5)).ok());
  EXPECT_EQ(sequence->n_cached(), 0);
  f.Run({sequence.get()});

  // The next turn: all of the first and its answer, then more.
  std::vector<int32_t> second(sequence->tokens().begin(), sequence->tokens().end());
  second.insert(second.end(), {1, 2, 3});
  ASSERT_TRUE(sequence->Start(second, Greedy(5)).ok());
  EXPECT_EQ(sequence->n_cached(), 105);  // the token chosen last was not computed
  f.Run({sequence.get()});
  EXPECT_EQ(f.Generated(*sequence), f.model.ExpectedGreedy(second, 5));

  // The same prompt again: its last token is needed for logits.
  ASSERT_TRUE(sequence->Start(first, Greedy(5)).ok());
  EXPECT_EQ(sequence->n_cached(), 100);
  f.Run({sequence.get()});
  EXPECT_EQ(f.Generated(*sequence), f.model.ExpectedGreedy(first, 5));

  // One that parts in the middle of a page.
  std::vector<int32_t> other = first;
  other[50] = 7;
  ASSERT_TRUE(sequence->Start(other, Greedy(5)).ok());
  EXPECT_EQ(sequence->n_cached(), 50);
  f.Run({sequence.get()});
  EXPECT_EQ(f.Generated(*sequence), f.model.ExpectedGreedy(other, 5));
}

TEST(Sequence, ADroppedCacheIsComputedAgain) {
  Fixture f;
  auto sequence = f.engine->NewSequence(300);
  ASSERT_TRUE(sequence->Start(Ids("abcdef"), Greedy(20)).ok());
  Sequence* const one[] = {sequence.get()};
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(f.engine->Step(one, {}).ok());
  sequence->DropCache();
  EXPECT_EQ(f.engine->pool().n_free_pages(), f.engine->pool().n_pages());
  f.Run({sequence.get()}, 4);
  EXPECT_EQ(f.Generated(*sequence), f.model.ExpectedGreedy(Ids("abcdef"), 20));
}

TEST(Sequence, ForksShareThePromptAndGoTheirOwnWays) {
  Fixture f({}, {.n_kv_pages = 6, .max_sequences = 3});
  auto sequence = f.engine->NewSequence(160);
  const std::vector<int32_t> prompt = Ids(std::string(69, 'p'));
  ASSERT_TRUE(sequence->Start(prompt, Greedy(20)).ok());
  Sequence* const one[] = {sequence.get()};
  ASSERT_TRUE(f.engine->Step(one, {}).ok());
  ASSERT_TRUE(f.engine->Step(one, {}).ok());  // 70 of the prompt: two full pages and a part

  auto fork = sequence->Fork();
  auto other = sequence->Fork();
  EXPECT_EQ(f.engine->pool().n_free_pages(), 3);
  std::vector<int32_t> different = prompt;
  different.back() = 'q';
  ASSERT_TRUE(other->Start(different, Greedy(20)).ok());
  EXPECT_EQ(other->n_cached(), 69);
  f.Run({fork.get(), sequence.get(), other.get()});
  EXPECT_EQ(f.Generated(*sequence), f.model.ExpectedGreedy(prompt, 20));
  EXPECT_EQ(f.Generated(*fork), f.model.ExpectedGreedy(prompt, 20));
  EXPECT_EQ(f.Generated(*other), f.model.ExpectedGreedy(different, 20));
}

TEST(Sequence, TheSameSeedGivesTheSameTextAndAnotherSeedAnother) {
  Fixture f;
  SequenceOptions options = Greedy(40);
  options.sampling.temperature = 5;
  const auto run = [&](uint64_t seed) {
    options.sampling.seed = seed;
    auto sequence = f.engine->NewSequence(100);
    EXPECT_TRUE(sequence->Start(Ids("a"), options).ok());
    f.Run({sequence.get()});
    return f.Generated(*sequence);
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(Sequence, LogprobsAreGivenWhereAskedFor) {
  Fixture f;
  auto sequence = f.engine->NewSequence(100);
  SequenceOptions options = Greedy(1);
  options.n_logprobs = 2;
  ASSERT_TRUE(sequence->Start(Ids("a"), options).ok());
  f.Run({sequence.get()});
  const SampledToken& token = sequence->output().token;
  const std::vector<float> logits = f.model.ExpectedLogits(Ids("a"));
  double sum = 0;
  for (float logit : logits) sum += std::exp(static_cast<double>(logit));
  EXPECT_NEAR(token.logprob, logits[token.id] - std::log(sum), 1e-5);
  ASSERT_EQ(token.top_logprobs.size(), 2u);
  EXPECT_EQ(token.top_logprobs[0].id, token.id);
}

TEST(Sequence, TextStopsAtTheEndOfGenerationUnlessIgnored) {
  Fixture f(Saying("Hi, you.", 3), {}, /*with_tokenizer=*/true);
  auto sequence = f.engine->NewSequence(100);
  ASSERT_TRUE(sequence->Start(Ids("ab"), Greedy(50)).ok());
  EXPECT_EQ(f.Run({sequence.get()}), "Hi, you.");
  EXPECT_EQ(sequence->stop_reason(), StopReason::kEndOfGeneration);
  EXPECT_EQ(sequence->n_generated(), 9);

  SequenceOptions options = Greedy(12);
  options.ignore_eos = true;
  ASSERT_TRUE(sequence->Start(Ids("ab"), options).ok());
  EXPECT_EQ(f.Run({sequence.get()}), "Hi, you.");
  EXPECT_EQ(sequence->stop_reason(), StopReason::kLength);
  EXPECT_EQ(sequence->n_generated(), 12);

  options.keep_special = true;
  ASSERT_TRUE(sequence->Start(Ids("ab"), options).ok());
  EXPECT_EQ(f.Run({sequence.get()}), "Hi, you.<eos><eos><eos><eos>");
}

TEST(Sequence, AStopStringIsNeverShown) {
  Fixture f(Saying("one STOQ two STOP three", 3), {}, /*with_tokenizer=*/true);
  auto sequence = f.engine->NewSequence(100);
  SequenceOptions options = Greedy(50);
  options.stop = {"STOP"};
  ASSERT_TRUE(sequence->Start(Ids("ab"), options).ok());
  Sequence* const one[] = {sequence.get()};
  std::string text;
  while (sequence->active()) {
    ASSERT_TRUE(f.engine->Step(one, {}).ok());
    text += sequence->output().text;
    EXPECT_EQ(std::string("one STOQ two ").compare(0, text.size(), text), 0) << text;
  }
  EXPECT_EQ(text, "one STOQ two ");
  EXPECT_EQ(sequence->stop_reason(), StopReason::kStopString);
}

TEST(Sequence, WhatWasHeldBackIsShownAtTheEnd) {
  Fixture f(Saying("one STO", 3), {}, /*with_tokenizer=*/true);
  auto sequence = f.engine->NewSequence(100);
  SequenceOptions options = Greedy(50);
  options.stop = {"STOP"};
  ASSERT_TRUE(sequence->Start(Ids("ab"), options).ok());
  EXPECT_EQ(f.Run({sequence.get()}), "one STO");
  EXPECT_EQ(sequence->stop_reason(), StopReason::kEndOfGeneration);
}

TEST(Sequence, CharactersComeWholeAndCancelGivesTheRest) {
  Fixture f(Saying("a\xE4\xBD\xA0\xE5\xA5\xBD", 3), {}, /*with_tokenizer=*/true);
  auto sequence = f.engine->NewSequence(100);
  ASSERT_TRUE(sequence->Start(Ids("ab"), Greedy(50)).ok());
  Sequence* const one[] = {sequence.get()};
  std::vector<std::string> pieces;
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(f.engine->Step(one, {}).ok());
    pieces.push_back(sequence->output().text);
  }
  EXPECT_EQ(pieces, (std::vector<std::string>{"a", "", "", "\xE4\xBD\xA0", "", ""}));
  sequence->Cancel();
  EXPECT_EQ(sequence->output().text, "\xEF\xBF\xBD");
  EXPECT_EQ(sequence->stop_reason(), StopReason::kCancelled);
  sequence->Cancel();
  EXPECT_EQ(sequence->stop_reason(), StopReason::kCancelled);
}

TEST(Sequence, TimingsComeFromTheClock) {
  class Slow : public FakeModel {
   public:
    explicit Slow(FakeClock* clock) : clock_(clock) {}
    Status Forward(const Batch& batch, const Tensor& logits) override {
      clock_->AdvanceNs(1000 * static_cast<int64_t>(batch.tokens.size()));
      return FakeModel::Forward(batch, logits);
    }

   private:
    FakeClock* clock_;
  };
  Fixture f;
  Slow model(&f.clock);
  auto engine = std::move(*Engine::Create(model, *f.backend, nullptr, f.clock, {}));
  auto sequence = engine->NewSequence(100);
  f.clock.AdvanceNs(5);
  ASSERT_TRUE(sequence->Start(Ids("123"), Greedy(3)).ok());
  Sequence* const one[] = {sequence.get()};
  const Result<StepStats> stats = engine->Step(one, {});
  ASSERT_TRUE(stats.ok());
  EXPECT_EQ(stats->forward_ns, 4000);
  EXPECT_EQ(stats->n_tokens, 4);
  EXPECT_EQ(stats->n_chosen, 1);
  while (sequence->active()) ASSERT_TRUE(engine->Step(one, {}).ok());
  EXPECT_EQ(sequence->timings().start_ns, 5);
  EXPECT_EQ(sequence->timings().first_token_ns, 4005);
  EXPECT_EQ(sequence->timings().last_token_ns, 6005);
}

TEST(Engine, ForEachLogitsGivesEveryPositionAndItsPagesBack) {
  Fixture f;
  std::vector<int32_t> tokens = Ids(std::string(149, 'z') + "end");
  for (int first : {0, 100, 152}) {
    int next = first;
    const Status status =
        f.engine->ForEachLogits(tokens, first, [&](int position, const Tensor& logits) {
          EXPECT_EQ(position, next);
          for (int i = 0; i < logits.rows(); ++i) {
            const std::vector<float> expected =
                f.model.ExpectedLogits({tokens.data(), static_cast<size_t>(next) + 1});
            EXPECT_EQ(std::vector<float>(logits.f32_row(i), logits.f32_row(i) + logits.cols()),
                      expected);
            ++next;
          }
          return OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(next, 153);
  }
  EXPECT_EQ(f.engine->pool().n_free_pages(), f.engine->pool().n_pages());
  const auto stop = [](int, const Tensor&) { return Error(StatusCode::kCancelled, "enough"); };
  EXPECT_EQ(f.engine->ForEachLogits(tokens, 0, stop).code(), StatusCode::kCancelled);
  EXPECT_EQ(f.engine->ForEachLogits(tokens, 153, stop).code(), StatusCode::kInvalidArgument);
  tokens[5] = -1;
  EXPECT_EQ(f.engine->ForEachLogits(tokens, 0, stop).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace autoglm

// The prefix cache under an engine whose model answers from its cache pages only, so that a page of
// other tokens or of another position is an error or another answer.
#include "engine/prefix_cache.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/rng.h"
#include "engine/engine.h"
#include "engine/fake_model.h"
#include "platform/thread_pool.h"

namespace autoglm {
namespace {

constexpr int kPage = KvLayout::kPageTokens;
constexpr uint64_t kApp = 2, kOtherApp = 3;

SequenceOptions Greedy(int max_new_tokens, uint64_t domain) {
  SequenceOptions options;
  options.sampling.temperature = 0;
  options.max_new_tokens = max_new_tokens;
  options.prefix_domain = domain;
  return options;
}

std::vector<int32_t> Tokens(int n, uint64_t seed) {
  Rng rng(seed);
  std::vector<int32_t> tokens(n);
  for (int32_t& token : tokens) token = static_cast<int32_t>(rng.NextBelow(250));
  return tokens;
}

std::vector<int32_t> Joined(std::vector<int32_t> a, const std::vector<int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class PrefixCacheTest : public testing::Test {
 protected:
  explicit PrefixCacheTest(int n_kv_pages = 64) {
    EngineOptions options = {.n_kv_pages = n_kv_pages, .max_sequences = 8};
    options.prefix_cache = true;
    engine_ = Engine::Create(model_, *backend_, nullptr, clock_, options).value();
  }

  /// Answers `prompt` with a new sequence, checks what it writes, and returns how many tokens of
  /// the prompt were there.
  int Ask(const std::vector<int32_t>& prompt, uint64_t domain, int n_new = 5) {
    auto sequence = engine_->NewSequence(1000);
    EXPECT_TRUE(sequence->Start(prompt, Greedy(n_new, domain)).ok());
    Finish(*sequence);
    const auto answer = sequence->tokens().last(sequence->n_generated());
    EXPECT_EQ(std::vector<int32_t>(answer.begin(), answer.end()),
              model_.ExpectedGreedy(prompt, n_new));
    return sequence->n_cached();
  }

  void Finish(Sequence& sequence) {
    Sequence* const sequences[] = {&sequence};
    while (sequence.active()) ASSERT_TRUE(engine_->Step(sequences, {}).ok());
    EXPECT_NE(sequence.stop_reason(), StopReason::kError) << sequence.status().ToString();
  }

  PrefixCache& cache() { return *engine_->prefix_cache(); }

  ThreadPool threads_{1};
  std::unique_ptr<Backend> backend_ = NewCpuBackend(threads_);
  FakeClock clock_;
  FakeModel model_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(PrefixCacheTest, ASecondPromptThatBeginsAlikeComputesOnlyTheRest) {
  const std::vector<int32_t> shared = Tokens(100, 1);
  EXPECT_EQ(Ask(Joined(shared, Tokens(20, 2)), kApp), 0);
  EXPECT_EQ(Ask(Joined(shared, Tokens(20, 3)), kApp), 96) << "three whole pages";
  EXPECT_EQ(cache().stats().n_hit_tokens, 96);
  EXPECT_EQ(cache().stats().n_lookup_tokens, 2 * 119);
}

TEST_F(PrefixCacheTest, TheSamePromptAgainStillComputesItsLastToken) {
  const std::vector<int32_t> prompt = Tokens(2 * kPage, 1);
  EXPECT_EQ(Ask(prompt, kApp), 0);
  EXPECT_EQ(Ask(prompt, kApp), kPage);
}

TEST_F(PrefixCacheTest, AnAnswerIsPartOfTheNextTurnsPrefix) {
  const std::vector<int32_t> prompt = Tokens(40, 1);
  EXPECT_EQ(Ask(prompt, kApp, 60), 0);
  const std::vector<int32_t> turn = Joined(prompt, model_.ExpectedGreedy(prompt, 60));
  EXPECT_EQ(Ask(Joined(turn, Tokens(10, 2)), kApp), 96);
}

TEST_F(PrefixCacheTest, AppsDoNotSeeEachOthersTexts) {
  const std::vector<int32_t> prompt = Tokens(100, 1);
  EXPECT_EQ(Ask(prompt, kApp), 0);
  EXPECT_EQ(Ask(prompt, kOtherApp), 0);
  EXPECT_EQ(Ask(prompt, PrefixCache::kNoDomain), 0);
  EXPECT_EQ(Ask(prompt, kApp), 96);
  EXPECT_EQ(Ask(prompt, PrefixCache::kPublicDomain), 0) << "an app's text is not public";
}

TEST_F(PrefixCacheTest, PublicTextsServeEverybodyAndWhatFollowsStaysPrivate) {
  const std::vector<int32_t> system = Tokens(100, 1);
  EXPECT_EQ(Ask(system, PrefixCache::kPublicDomain, 1), 0);
  const std::vector<int32_t> prompt = Joined(system, Tokens(100, 2));
  EXPECT_EQ(Ask(prompt, kApp), 96);
  EXPECT_EQ(Ask(prompt, kOtherApp), 96) << "only the public part";
  EXPECT_EQ(Ask(prompt, kApp), 192);
}

TEST_F(PrefixCacheTest, ARequestFindsWhatAnotherStillUnderWayHasComputed) {
  const std::vector<int32_t> prompt = Tokens(200, 1);
  auto first = engine_->NewSequence(1000);
  ASSERT_TRUE(first->Start(prompt, Greedy(5, kApp)).ok());
  Sequence* const sequences[] = {first.get()};
  ASSERT_TRUE(engine_->Step(sequences, {.max_tokens = 64}).ok());
  EXPECT_EQ(Ask(prompt, kApp), 64);
  Finish(*first);
}

TEST_F(PrefixCacheTest, ForgettingADomainFreesItsPagesOnly) {
  const std::vector<int32_t> prompt = Tokens(100, 1);
  Ask(prompt, kApp);
  Ask(prompt, kOtherApp);
  cache().Forget(kApp);
  EXPECT_EQ(cache().stats().n_pages, 3);
  EXPECT_EQ(Ask(prompt, kApp), 0);
  EXPECT_EQ(Ask(prompt, kOtherApp), 96);
}

class SmallPrefixCacheTest : public PrefixCacheTest {
 protected:
  SmallPrefixCacheTest() : PrefixCacheTest(12) {}
};

TEST_F(SmallPrefixCacheTest, TheLeastRecentlyUsedGoesWhenPagesRunOut) {
  const std::vector<int32_t> first = Tokens(100, 1), second = Tokens(100, 2);
  Ask(first, kApp);
  Ask(second, kApp);
  EXPECT_EQ(Ask(first, kApp), 96);
  EXPECT_EQ(Ask(Tokens(200, 3), kApp), 0) << "needs seven of twelve pages, six are held";
  EXPECT_GT(cache().stats().n_evicted_pages, 0);
  EXPECT_EQ(Ask(first, kApp), 96);
  EXPECT_LT(Ask(second, kApp), 96);
}

TEST_F(SmallPrefixCacheTest, NoSequenceFailsForPagesThatAreOnlyRemembered) {
  for (uint64_t seed = 1; seed < 30; ++seed) Ask(Tokens(350, seed), kApp);
  EXPECT_LE(cache().stats().n_pages, 12);
}

TEST_F(SmallPrefixCacheTest, PagesInUseAreNeverEvicted) {
  const std::vector<int32_t> prompt = Tokens(200, 1);
  Ask(prompt, kApp);
  auto sequence = engine_->NewSequence(1000);
  ASSERT_TRUE(sequence->Start(prompt, Greedy(20, kApp)).ok());
  EXPECT_EQ(sequence->n_cached(), 192);
  Ask(Tokens(150, 2), kApp);  // five more pages of the twelve
  cache().Reclaim(12);
  EXPECT_EQ(engine_->pool().n_free_pages(), 6);
  Finish(*sequence);
  const auto answer = sequence->tokens().last(20);
  EXPECT_EQ(std::vector<int32_t>(answer.begin(), answer.end()), model_.ExpectedGreedy(prompt, 20));
}

TEST_F(SmallPrefixCacheTest, AWorkloadOfSharedPrefixesGivesRightAnswersAndLosesNoPage) {
  Rng rng(9);
  for (int i = 0; i < 300; ++i) {
    std::vector<int32_t> prompt =
        Tokens(20 + static_cast<int>(rng.NextBelow(80)), 1 + rng.NextBelow(3));
    prompt = Joined(prompt, Tokens(static_cast<int>(rng.NextBelow(120)), 1 + rng.NextBelow(5)));
    Ask(prompt, 1 + rng.NextBelow(3), 1 + static_cast<int>(rng.NextBelow(40)));
  }
  EXPECT_GT(cache().stats().n_hit_tokens, 0);
  cache().Reclaim(12);
  EXPECT_EQ(engine_->pool().n_free_pages(), 12);
  EXPECT_EQ(cache().stats().n_pages, 0);
}

TEST(EngineWithoutPrefixCache, HasNone) {
  ThreadPool threads(1);
  const auto backend = NewCpuBackend(threads);
  FakeModel model;
  FakeClock clock;
  EXPECT_EQ(Engine::Create(model, *backend, nullptr, clock, {}).value()->prefix_cache(), nullptr);
}

}  // namespace
}  // namespace autoglm

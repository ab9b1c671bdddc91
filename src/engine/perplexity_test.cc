#include "engine/perplexity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/fake_model.h"
#include "platform/thread_pool.h"

namespace autoglm {
namespace {

class PerplexityTest : public testing::Test {
 protected:
  PerplexityTest() : threads_(1), backend_(NewCpuBackend(threads_)) {
    EngineOptions options;
    options.n_kv_pages = 4;
    engine_ = Engine::Create(model_, *backend_, nullptr, clock_, options).value();
  }

  static constexpr auto NoProgress = [](const PerplexityResult&, int) { return OkStatus(); };

  FakeModel model_;
  ThreadPool threads_;
  std::unique_ptr<Backend> backend_;
  SteadyClock clock_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(PerplexityTest, ScoresTheSecondHalfOfEachChunkAfterBos) {
  constexpr int n_ctx = 10, bos = 1;
  std::vector<int32_t> tokens;
  for (int i = 0; i < 25; ++i) tokens.push_back(3 + i * 7 % 200);
  double sum = 0;
  int n = 0;
  for (int chunk = 0; chunk < 2; ++chunk) {
    std::vector<int32_t> history = {bos};
    for (int i = 1; i < n_ctx; ++i) {
      const int32_t target = tokens[chunk * n_ctx + i];
      if (i > n_ctx / 2) {
        const std::vector<float> logits = model_.ExpectedLogits(history);
        double total = 0;
        for (const float logit : logits) total += std::exp(double{logit});
        sum -= logits[target] - std::log(total);
        ++n;
      }
      history.push_back(target);
    }
  }
  int calls = 0;
  const auto result =
      Perplexity(*engine_, tokens, n_ctx, bos, [&](const PerplexityResult& so_far, int n_chunks) {
        EXPECT_EQ(so_far.n_chunks, ++calls);
        EXPECT_EQ(n_chunks, 2);
        return OkStatus();
      });
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->n_scored, n);
  EXPECT_NEAR(result->perplexity, std::exp(sum / n), 1e-4 * result->perplexity);
  EXPECT_GT(result->standard_error, 0);
  EXPECT_EQ(calls, 2);
}

TEST_F(PerplexityTest, ShortTextsAndTinyChunksAreRefused) {
  const std::vector<int32_t> tokens(9, 5);
  EXPECT_EQ(Perplexity(*engine_, tokens, 10, -1, NoProgress).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(Perplexity(*engine_, tokens, 3, -1, NoProgress).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(PerplexityTest, AnErrorOfProgressEndsTheRun) {
  const std::vector<int32_t> tokens(40, 5);
  const auto result = Perplexity(*engine_, tokens, 10, -1, [](const PerplexityResult& so_far, int) {
    return so_far.n_chunks == 2 ? Error(StatusCode::kCancelled, "enough") : OkStatus();
  });
  EXPECT_EQ(result.status().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace autoglm

// What drawing costs: no allocation once warm, and (with AUTOGLM_BENCH=1 set) the time over a
// vocabulary of 151936.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>

#include "sampling/sampler.h"

namespace {
std::atomic<long> n_allocations{0};
}  // namespace

// Not inlined: GCC would take a pair seen by halves for a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  ++n_allocations;
  void* p = std::malloc(size);
  if (p == nullptr) std::abort();
  return p;
}
[[gnu::noinline]] void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++n_allocations;
  return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace autoglm {
namespace {

struct Setting {
  const char* name;
  std::function<void(SamplingParams&)> set;
};

const Setting kSettings[] = {
    {"greedy", [](auto& p) { p.temperature = 0; }},
    {"top_k 40, top_p 0.95, temperature 0.8",
     [](auto& p) { p.top_k = 40, p.top_p = 0.95f, p.temperature = 0.8f; }},
    {"top_p 0.95", [](auto& p) { p.top_p = 0.95f; }},
    {"min_p 0.05", [](auto& p) { p.min_p = 0.05f; }},
    {"typical_p 0.95", [](auto& p) { p.typical_p = 0.95f; }},
    {"temperature 0.8", [](auto& p) { p.temperature = 0.8f; }},
    {"penalties", [](auto& p) { p.repetition_penalty = 1.1f, p.temperature = 0; }},
};

std::vector<float> RandomLogits(size_t n, double scale) {
  Rng rng(1);
  std::vector<float> logits(n);
  for (float& l : logits) l = static_cast<float>(scale * rng.NextGaussian());
  return logits;
}

TEST(SamplerCost, DrawingAllocatesNothingAfterTheFirstTime) {
  for (const Setting& setting : kSettings) {
    SamplingParams params;
    setting.set(params);
    Sampler sampler = Sampler::Create(params, 3000).value();
    const std::vector<float> logits = RandomLogits(3000, 2);
    std::vector<float> row = logits;
    SampledToken token;
    ASSERT_TRUE(sampler.SampleWithLogprobs(row, 20, &token).ok());
    const long before = n_allocations;
    for (int i = 0; i < 20; ++i) {
      std::copy(logits.begin(), logits.end(), row.begin());
      sampler.Accept(sampler.Sample(row).value());
      std::copy(logits.begin(), logits.end(), row.begin());
      (void)sampler.SampleWithLogprobs(row, 20, &token).ok();
    }
    EXPECT_EQ(n_allocations - before, 0) << setting.name;
  }
}

TEST(SamplerCost, MicrosecondsPerTokenOverALargeVocabulary) {
  if (std::getenv("AUTOGLM_BENCH") == nullptr) GTEST_SKIP() << "set AUTOGLM_BENCH=1 to measure";
  constexpr size_t kVocabSize = 151936;
  for (const double scale : {1.0, 3.0}) {
    const std::vector<float> logits = RandomLogits(kVocabSize, scale);
    for (const Setting& setting : kSettings) {
      SamplingParams params;
      setting.set(params);
      Sampler sampler = Sampler::Create(params, kVocabSize).value();
      std::vector<float> row;
      std::vector<double> us;
      for (int i = 0; i < 101; ++i) {
        row = logits;
        const auto start = std::chrono::steady_clock::now();
        ASSERT_TRUE(sampler.Sample(row).ok());
        us.push_back(
            std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
                .count());
      }
      std::nth_element(us.begin(), us.begin() + 50, us.end());
      std::printf("logits with deviation %g, %-38s %7.0f us\n", scale, setting.name, us[50]);
    }
  }
}

}  // namespace
}  // namespace autoglm

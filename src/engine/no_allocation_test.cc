// A decode step takes no memory: operator new is counted for the whole test program.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <new>
#include <vector>

#include "engine/engine.h"
#include "engine/fake_model.h"
#include "formats/model_file.h"
#include "model/load.h"
#include "platform/thread_pool.h"

namespace {
std::atomic<int64_t> n_allocations = 0;

void* CountedAllocation(size_t n_bytes, size_t alignment) {
  ++n_allocations;
  void* memory = alignment <= alignof(std::max_align_t)
                     ? std::malloc(n_bytes)
                     : std::aligned_alloc(alignment, (n_bytes + alignment - 1) & ~(alignment - 1));
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

// Not inlined, or the compiler pairs its own new with our free and warns.
void* operator new(size_t n_bytes) { return CountedAllocation(n_bytes, 1); }
void* operator new(size_t n_bytes, std::align_val_t alignment) {
  return CountedAllocation(n_bytes, static_cast<size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace autoglm {
namespace {

/// What `n_steps` steps of all `sequences` allocate.
int64_t AllocationsOf(Engine& engine, std::span<Sequence* const> sequences, int n_steps) {
  const int64_t before = n_allocations;
  for (int i = 0; i < n_steps; ++i) {
    const Result<StepStats> stats = engine.Step(sequences, {});
    if (!stats.ok() || stats->n_chosen != static_cast<int>(sequences.size())) return -1;
  }
  return n_allocations - before;
}

TEST(NoAllocation, ADecodeStepOfSeveralSequencesTakesNoMemory) {
  ThreadPool threads(2);
  const std::unique_ptr<Backend> backend = NewCpuBackend(threads);
  const SteadyClock clock;
  const ByteTokenizer tokenizer;
  FakeModelOptions model_options;
  model_options.next = [](std::span<const int32_t> history) {
    return static_cast<int32_t>('a' + history.size() % 26);
  };
  FakeModel model(model_options);
  auto engine =
      std::move(*Engine::Create(model, *backend, &tokenizer, clock, {.max_sequences = 3}));
  std::vector<std::unique_ptr<Sequence>> owners;
  std::vector<Sequence*> sequences;
  SequenceOptions options;
  options.sampling.temperature = 0;
  const std::vector<int32_t> prompt = tokenizer.Encode("hello", {});
  for (int i = 0; i < 3; ++i) {
    owners.push_back(engine->NewSequence(500));
    sequences.push_back(owners.back().get());
    if (i == 1) options.stop = {"xyzzy"};  // holds text back once in a while
    if (i == 2) options.n_logprobs = 5;
    ASSERT_TRUE(owners.back()->Start(prompt, options).ok());
  }
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(engine->Step(sequences, {}).ok());

  EXPECT_GT(n_allocations, 0);  // they are counted
  EXPECT_EQ(AllocationsOf(*engine, sequences, 200), 0);
  EXPECT_EQ(owners[0]->n_generated(), 230);
}

TEST(NoAllocation, ADecodeStepOfEveryArchitectureTakesNoMemory) {
  ThreadPool threads(2);
  const std::unique_ptr<Backend> backend = NewCpuBackend(threads);
  const SteadyClock clock;
  int n_models = 0;
  for (const auto& folder :
       std::filesystem::directory_iterator(AUTOGLM_SOURCE_DIR "/tests/golden")) {
    if (!folder.is_directory()) continue;
    SCOPED_TRACE(folder.path());
    const auto file = ModelFile::Open(folder.path());
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    auto model = LoadLanguageModel(**file, *backend, threads, {});
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    auto engine = std::move(*Engine::Create(**model, *backend, nullptr, clock, {}));
    const auto sequence = engine->NewSequence(200);
    SequenceOptions options;
    options.sampling.temperature = 0;
    ASSERT_TRUE(sequence->Start(std::vector<int32_t>{1, 2, 3}, options).ok());
    Sequence* const sequences[] = {sequence.get()};
    AllocationsOf(*engine, sequences, 3);
    EXPECT_EQ(AllocationsOf(*engine, sequences, 40), 0);  // past a page's end
    ++n_models;
  }
  EXPECT_GT(n_models, 8);
}

}  // namespace
}  // namespace autoglm

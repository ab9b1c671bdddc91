// States of sequences saved to files and read back: whole, damaged, cut short, and of others.
#include "engine/state_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "base/rng.h"
#include "engine/engine.h"
#include "engine/fake_model.h"
#include "engine/state_cipher_for_test.h"
#include "platform/thread_pool.h"

namespace autoglm {
namespace {

namespace fs = std::filesystem;

constexpr int kPage = KvLayout::kPageTokens;

std::vector<int32_t> Tokens(int n) {
  Rng rng(5);
  std::vector<int32_t> tokens(n);
  for (int32_t& token : tokens) token = static_cast<int32_t>(rng.NextBelow(250));
  return tokens;
}

SequenceOptions Greedy(int max_new_tokens) {
  SequenceOptions options;
  options.sampling.temperature = 0;
  options.max_new_tokens = max_new_tokens;
  return options;
}

class StateFileTest : public testing::TestWithParam<bool> {
 protected:
  StateFileTest() {
    fs::create_directories(folder_);
    EngineOptions options = {.n_kv_pages = 64};
    options.prefix_cache = true;
    engine_ = Engine::Create(model_, *backend_, nullptr, clock_, options).value();
    sequence_ = engine_->NewSequence(500);
    Ask(*sequence_, prompt_, 10);
  }
  ~StateFileTest() override { fs::remove_all(folder_); }

  const StateCipher* cipher() const { return GetParam() ? &cipher_ : nullptr; }

  StateInfo Info() const {
    StateInfo info;
    info.app = "mail";
    info.name = "draft";
    info.model = "fake";
    info.model_fingerprint = 77;
    info.created_unix_s = 1'700'000'000;
    info.layout = engine_->pool().layout();
    return info;
  }

  std::vector<int32_t> Ask(Sequence& sequence, const std::vector<int32_t>& prompt, int n_new) {
    EXPECT_TRUE(sequence.Start(prompt, Greedy(n_new)).ok());
    Sequence* const sequences[] = {&sequence};
    while (sequence.active()) EXPECT_TRUE(engine_->Step(sequences, {}).ok());
    const auto answer = sequence.tokens().last(sequence.n_generated());
    return {answer.begin(), answer.end()};
  }

  Status Save() { return WriteStateFile(path_, Info(), sequence_->Snapshot(), cipher()); }

  Result<SequenceState> Load(const StateInfo& expected) {
    AUTOGLM_ASSIGN_OR_RETURN(const FileReader reader, FileReader::Open(path_));
    return ReadStateFile(reader, cipher(), expected);
  }

  std::vector<std::byte> Bytes() const {
    const std::string text = ReadWholeFile(path_, 1 << 24).value();
    const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
    return {bytes.begin(), bytes.end()};
  }

  const fs::path folder_ = fs::temp_directory_path() / StrCat("state_file_test_", ::getpid());
  const std::string path_ = folder_ / "state";
  const XorCipher cipher_{1234};
  ThreadPool threads_{1};
  std::unique_ptr<Backend> backend_ = NewCpuBackend(threads_);
  FakeClock clock_;
  FakeModel model_;
  std::unique_ptr<Engine> engine_;
  const std::vector<int32_t> prompt_ = Tokens(100);
  std::unique_ptr<Sequence> sequence_;
};

INSTANTIATE_TEST_SUITE_P(Files, StateFileTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Encrypted" : "Plain"; });

TEST_P(StateFileTest, ARestoredSequenceGoesOnWhereItWas) {
  ASSERT_TRUE(Save().ok());
  const std::vector<int32_t> so_far(sequence_->tokens().begin(), sequence_->tokens().end());
  auto restored = engine_->NewSequence(500);
  const auto state = Load(Info());
  ASSERT_TRUE(state.ok()) << state.status().ToString();
  ASSERT_TRUE(restored->Restore(*state).ok());
  EXPECT_EQ(restored->n_computed(), 96) << "of 109, whole pages";
  EXPECT_EQ(Ask(*restored, so_far, 20), model_.ExpectedGreedy(so_far, 20));
  EXPECT_EQ(restored->n_cached(), 96);
}

TEST_P(StateFileTest, ARestoredStateServesLaterPromptsThroughThePrefixCache) {
  ASSERT_TRUE(Save().ok());
  {
    auto restored = engine_->NewSequence(500);
    ASSERT_TRUE(restored->Restore(*Load(Info())).ok());
    restored->ShareWith(9);
  }
  auto next = engine_->NewSequence(500);
  SequenceOptions options = Greedy(5);
  options.prefix_domain = 9;
  ASSERT_TRUE(next->Start(prompt_, options).ok());
  EXPECT_EQ(next->n_cached(), 96);
}

TEST_P(StateFileTest, TheHeaderTellsWhatItIs) {
  ASSERT_TRUE(Save().ok());
  const FileReader reader = FileReader::Open(path_).value();
  const auto info = ReadStateInfo(reader, cipher());
  ASSERT_TRUE(info.ok()) << info.status().ToString();
  EXPECT_EQ(info->app, "mail");
  EXPECT_EQ(info->name, "draft");
  EXPECT_EQ(info->model, "fake");
  EXPECT_EQ(info->model_fingerprint, 77u);
  EXPECT_EQ(info->created_unix_s, 1'700'000'000);
  EXPECT_EQ(info->layout, engine_->pool().layout());
  EXPECT_EQ(info->n_tokens, 110);
  EXPECT_EQ(info->n_computed, 96);
  EXPECT_EQ(info->file_bytes, static_cast<int64_t>(fs::file_size(path_)));
}

TEST_P(StateFileTest, TheStateOfAnotherAppModelOrCacheTypeIsRefused) {
  ASSERT_TRUE(Save().ok());
  StateInfo other = Info();
  other.app = "chat";
  EXPECT_EQ(Load(other).status().code(), StatusCode::kInvalidArgument);
  other = Info();
  other.model_fingerprint = 78;
  EXPECT_EQ(Load(other).status().code(), StatusCode::kInvalidArgument);
  other = Info();
  other.layout.dtype = DType::kQ8_0;
  EXPECT_EQ(Load(other).status().code(), StatusCode::kInvalidArgument);
}

TEST_P(StateFileTest, EveryChangedByteIsNoticed) {
  ASSERT_TRUE(Save().ok());
  std::vector<std::byte> bytes = Bytes();
  // Every byte up to the tokens, then one here and there.
  for (size_t i = 0; i < bytes.size(); i += i < 700 ? 1 : 97) {
    bytes[i] ^= std::byte{0x10};
    EXPECT_FALSE(ReadStateFile(MemoryReader(bytes), cipher(), Info()).ok()) << "byte " << i;
    bytes[i] ^= std::byte{0x10};
  }
  EXPECT_TRUE(ReadStateFile(MemoryReader(bytes), cipher(), Info()).ok());
}

TEST_P(StateFileTest, AFileCutShortOrMadeLongerIsNoticedByItsSizeAlone) {
  ASSERT_TRUE(Save().ok());
  std::vector<std::byte> bytes = Bytes();
  for (size_t n = 0; n < bytes.size(); n += n < 200 ? 1 : 501) {
    const auto status = ReadStateInfo(MemoryReader(std::span(bytes).first(n)), cipher()).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << n << " bytes";
  }
  bytes.push_back(std::byte{0});
  EXPECT_EQ(ReadStateInfo(MemoryReader(bytes), cipher()).status().code(), StatusCode::kDataLoss);
}

TEST_P(StateFileTest, AFullDiskLeavesTheFileThatWasThere) {
  ASSERT_TRUE(Save().ok());
  const std::vector<std::byte> before = Bytes();
  Ask(*sequence_, Tokens(300), 10);
  struct rlimit old {};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const struct rlimit small = {before.size() + 100, old.rlim_max};
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &small);
  const Status status = Save();
  ::setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << status.ToString();
  EXPECT_EQ(Bytes(), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1)
      << "no half file stays behind";
}

TEST_P(StateFileTest, WithTheOtherKeyOrNoneNothingIsRead) {
  ASSERT_TRUE(Save().ok());
  const FileReader reader = FileReader::Open(path_).value();
  const XorCipher other(99);
  EXPECT_FALSE(ReadStateFile(reader, &other, Info()).ok());
  const StateCipher* opposite = GetParam() ? nullptr : &cipher_;
  EXPECT_EQ(ReadStateFile(reader, opposite, Info()).status().code(), StatusCode::kPermissionDenied);
}

TEST_P(StateFileTest, ASnapshotStaysAsItWasWhileItsSequenceGoesOn) {
  const SequenceSnapshot snapshot = sequence_->Snapshot();
  const std::vector<int32_t> before(snapshot.tokens().begin(), snapshot.tokens().end());
  Ask(*sequence_, Tokens(70), 50);  // other tokens from 70 on, in the same pages
  ASSERT_TRUE(WriteStateFile(path_, Info(), snapshot, cipher()).ok());
  auto restored = engine_->NewSequence(500);
  ASSERT_TRUE(restored->Restore(*Load(Info())).ok());
  EXPECT_EQ(Ask(*restored, before, 20), model_.ExpectedGreedy(before, 20));
  EXPECT_EQ(restored->n_cached(), 96);
}

TEST_P(StateFileTest, RestoreRefusesWhatDoesNotFit) {
  ASSERT_TRUE(Save().ok());
  SequenceState state = Load(Info()).value();
  auto small = engine_->NewSequence(50);
  EXPECT_EQ(small->Restore(state).code(), StatusCode::kInvalidArgument);
  state.tokens[3] = 100000;
  auto sequence = engine_->NewSequence(500);
  EXPECT_EQ(sequence->Restore(state).code(), StatusCode::kInvalidArgument);
  state.tokens[3] = 1;
  state.layout.head_dim *= 2;
  EXPECT_EQ(sequence->Restore(state).code(), StatusCode::kInvalidArgument);
}

TEST_P(StateFileTest, ASequenceWithoutAFullPageIsSavedByItsTokens) {
  auto sequence = engine_->NewSequence(500);
  Ask(*sequence, Tokens(5), 3);
  ASSERT_TRUE(WriteStateFile(path_, Info(), sequence->Snapshot(), cipher()).ok());
  const SequenceState state = Load(Info()).value();
  EXPECT_EQ(state.n_computed, 0);
  EXPECT_EQ(state.tokens.size(), 8u);
}

TEST(StatePageRemainders, AreNeverWrittenToTheFile) {
  // 40 of 64 positions are computed: the second page is not full and stays out.
  ThreadPool threads(1);
  const auto backend = NewCpuBackend(threads);
  FakeModel model;
  FakeClock clock;
  const auto engine = Engine::Create(model, *backend, nullptr, clock, {.n_kv_pages = 8}).value();
  auto sequence = engine->NewSequence(100);
  ASSERT_TRUE(sequence->Start(Tokens(40), Greedy(1)).ok());
  Sequence* const sequences[] = {sequence.get()};
  ASSERT_TRUE(engine->Step(sequences, {}).ok());
  const SequenceSnapshot snapshot = sequence->Snapshot();
  EXPECT_EQ(snapshot.n_computed(), kPage);
  EXPECT_EQ(snapshot.pages().size(), 1u);
}

}  // namespace
}  // namespace autoglm

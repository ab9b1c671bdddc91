// A folder of states: apps kept apart, limits, and what a killed process leaves behind.
#include "engine/state_store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "backend/backend.h"
#include "base/rng.h"
#include "engine/state_cipher_for_test.h"
#include "platform/thread_pool.h"

namespace autoglm {
namespace {

namespace fs = std::filesystem;

constexpr int kPage = KvLayout::kPageTokens;

class StateStoreTest : public testing::Test {
 protected:
  StateStoreTest() { fs::remove_all(folder_); }
  ~StateStoreTest() override { fs::remove_all(folder_); }

  std::unique_ptr<StateStore> Open(const StateStoreOptions& options = {},
                                   const StateCipher* cipher = nullptr) {
    auto store = StateStore::Open(folder_, cipher, options);
    EXPECT_TRUE(store.ok()) << store.status().ToString();
    return std::move(*store);
  }

  /// `n_pages` pages, every byte and every token of which is `version`.
  SequenceSnapshot Snapshot(int version, int n_pages = 2) {
    KvSequence kv(*pool_, 64 * kPage);
    EXPECT_TRUE(kv.Extend(n_pages * kPage).ok());
    for (std::byte* page : kv.page_data()) {
      std::memset(page, version, static_cast<size_t>(layout_.page_bytes()));
    }
    return {*pool_, std::vector<int32_t>(n_pages * kPage + 3, version), std::move(kv)};
  }

  StateInfo Info(std::string app, std::string name) const {
    StateInfo info;
    info.app = std::move(app);
    info.name = std::move(name);
    info.model_fingerprint = 7;
    info.layout = layout_;
    return info;
  }

  /// The version of the state, all of which must be of one; -1 where there is none.
  int Version(const StateStore& store, const std::string& app, const std::string& name) const {
    const auto state = store.Load(Info(app, name));
    if (!state.ok()) {
      EXPECT_EQ(state.status().code(), StatusCode::kNotFound) << state.status().ToString();
      return -1;
    }
    const int version = state->tokens[0];
    for (int32_t token : state->tokens) EXPECT_EQ(token, version);
    for (size_t i = 0; i < state->pages.n_bytes(); ++i) {
      if (state->pages.data()[i] == static_cast<std::byte>(version)) continue;
      ADD_FAILURE() << "byte " << i << " is of another version";
      break;
    }
    return version;
  }

  size_t NumFiles() const {
    size_t n = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
      n += entry.is_regular_file();
    return n;
  }

  const std::string folder_ = fs::temp_directory_path() / StrCat("state_store_test_", ::getpid());
  const KvLayout layout_ = {DType::kF16, 2, 2, 16};
  ThreadPool threads_{1};
  std::unique_ptr<Backend> backend_ = NewCpuBackend(threads_);
  std::unique_ptr<KvPagePool> pool_ = KvPagePool::Create(*backend_, layout_, 64).value();
};

TEST_F(StateStoreTest, WhatIsSavedIsListedLoadedReplacedAndRemoved) {
  const auto store = Open();
  ASSERT_TRUE(store->Save(Info("mail", "b"), Snapshot(1)).ok());
  ASSERT_TRUE(store->Save(Info("mail", "a"), Snapshot(2)).ok());
  ASSERT_TRUE(store->Save(Info("mail", "b"), Snapshot(3)).ok());
  const auto list = store->List("mail");
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].name, "a");
  EXPECT_EQ(list[1].name, "b");
  EXPECT_EQ(list[0].n_tokens, 2 * kPage + 3);
  EXPECT_EQ(Version(*store, "mail", "b"), 3);
  EXPECT_TRUE(store->Remove("mail", "b").ok());
  EXPECT_EQ(store->Remove("mail", "b").code(), StatusCode::kNotFound);
  EXPECT_EQ(Version(*store, "mail", "b"), -1);
  EXPECT_EQ(NumFiles(), 1u);
}

TEST_F(StateStoreTest, EverythingIsThereAgainAfterARestart) {
  ASSERT_TRUE(Open()->Save(Info("mail", "a"), Snapshot(5)).ok());
  const auto store = Open();
  EXPECT_EQ(store->List("mail").size(), 1u);
  EXPECT_EQ(Version(*store, "mail", "a"), 5);
  EXPECT_EQ(store->n_discarded(), 0);
}

TEST_F(StateStoreTest, AnAppSeesNothingOfAnother) {
  const auto store = Open();
  ASSERT_TRUE(store->Save(Info("mail", "a"), Snapshot(1)).ok());
  EXPECT_TRUE(store->List("chat").empty());
  EXPECT_TRUE(store->List("mai").empty());
  const Status other = store->Load(Info("chat", "a")).status();
  const Status absent = store->Load(Info("chat", "b")).status();
  EXPECT_EQ(other.code(), StatusCode::kNotFound);
  EXPECT_EQ(other.code(), absent.code());
  EXPECT_EQ(store->Remove("chat", "a").code(), StatusCode::kNotFound);
  ASSERT_TRUE(store->Save(Info("chat", "a"), Snapshot(2)).ok());
  EXPECT_EQ(Version(*store, "mail", "a"), 1);
}

TEST_F(StateStoreTest, NamesCannotLeaveTheFolder) {
  const auto store = Open();
  const std::string with_zero("\0x", 2);
  for (const std::string& name :
       {std::string("../../evil"), std::string("/etc/x"), std::string(".."), std::string("."),
        std::string("a/b"), with_zero, std::string("\xff"), std::string("%2F")}) {
    ASSERT_TRUE(store->Save(Info("..", name), Snapshot(4)).ok()) << name;
    EXPECT_EQ(Version(*store, "..", name), 4);
  }
  EXPECT_EQ(Open()->List("..").size(), store->List("..").size());
  EXPECT_EQ(NumFiles(), store->List("..").size()) << "all of them are inside";
  EXPECT_EQ(store->Save(Info("mail", ""), Snapshot(1)).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(store->Save(Info("mail", std::string(65, 'x')), Snapshot(1)).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(StateStoreTest, AFileMovedToAnotherAppIsPassedOver) {
  const auto store = Open();
  ASSERT_TRUE(store->Save(Info("mail", "a"), Snapshot(1)).ok());
  ASSERT_TRUE(store->Save(Info("chat", "b"), Snapshot(2)).ok());
  fs::copy_file(folder_ + "/mail/a.state", folder_ + "/chat/a.state");
  const auto again = Open();
  EXPECT_EQ(again->n_unreadable(), 1);
  EXPECT_EQ(again->List("chat").size(), 1u);
}

TEST_F(StateStoreTest, TornFilesAreFoundAndDiscardedAtTheStart) {
  ASSERT_TRUE(Open()->Save(Info("mail", "whole"), Snapshot(1)).ok());
  const fs::path whole = folder_ + "/mail/whole.state";
  for (const char* name : {"cut", "empty"}) {
    const fs::path path = folder_ + "/mail/" + name + ".state";
    fs::copy_file(whole, path);
    fs::resize_file(path, std::strcmp(name, "cut") == 0 ? fs::file_size(whole) - 1 : 0);
  }
  fs::copy_file(whole, folder_ + "/mail/half.state.tmp-abcdef");
  std::ofstream(folder_ + "/mail/README") << "not ours";
  const auto store = Open();
  EXPECT_EQ(store->n_discarded(), 3);
  EXPECT_EQ(store->List("mail").size(), 1u);
  EXPECT_EQ(NumFiles(), 2u) << "the whole one, and the file that is not ours";
}

TEST_F(StateStoreTest, AWrongKeyDeletesNothing) {
  const XorCipher key(1), other(2);
  ASSERT_TRUE(Open({}, &key)->Save(Info("mail", "a"), Snapshot(6)).ok());
  const auto wrong = Open({}, &other);
  EXPECT_EQ(wrong->n_unreadable(), 1);
  EXPECT_TRUE(wrong->List("mail").empty());
  EXPECT_EQ(Open()->n_unreadable(), 1) << "and so without a key";
  EXPECT_EQ(Version(*Open({}, &key), "mail", "a"), 6);
}

TEST_F(StateStoreTest, LimitsHoldForAnAppAndForAll) {
  const int64_t one = 2 * layout_.page_bytes() + 1000;
  const auto store = Open({.max_bytes = 3 * one, .max_bytes_per_app = 2 * one});
  ASSERT_TRUE(store->Save(Info("mail", "a"), Snapshot(1)).ok());
  ASSERT_TRUE(store->Save(Info("mail", "b"), Snapshot(1)).ok());
  EXPECT_EQ(store->Save(Info("mail", "c"), Snapshot(1)).status().code(),
            StatusCode::kResourceExhausted);
  EXPECT_TRUE(store->Save(Info("mail", "b"), Snapshot(2)).ok()) << "replacing needs no more";
  ASSERT_TRUE(store->Save(Info("chat", "a"), Snapshot(1)).ok());
  EXPECT_EQ(store->Save(Info("chat", "b"), Snapshot(1)).status().code(),
            StatusCode::kResourceExhausted);
}

/// Saves states for ever and tells each that is acknowledged through `pipe`.
[[noreturn]] void SaveUntilKilled(StateStore& store, int pipe,
                                  const std::function<SequenceSnapshot(int)>& snapshot,
                                  const StateInfo& info) {
  for (int version = 1;; version = version % 99 + 1) {
    StateInfo named = info;
    named.name = StrCat("s", version % 3);
    if (!store.Save(named, snapshot(version)).ok()) ::_exit(1);
    const char acknowledged = static_cast<char>(version);
    if (::write(pipe, &acknowledged, 1) != 1) ::_exit(1);
  }
}

TEST_F(StateStoreTest, AProcessKilledAnywhereLosesNothingItHadAcknowledged) {
  Rng rng(3);
  int n_acknowledged = 0;
  for (int round = 0; round < 15; ++round) {
    fs::remove_all(folder_);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto store = StateStore::Open(folder_, nullptr, {}).value();
      SaveUntilKilled(
          *store, ends[1], [this](int version) { return Snapshot(version, 20); }, Info("mail", ""));
    }
    ::close(ends[1]);
    int last[3] = {-1, -1, -1};
    const auto read_one = [&] {
      char version = 0;
      if (::read(ends[0], &version, 1) != 1) return false;
      last[version % 3] = version;
      return ++n_acknowledged > 0;
    };
    // Half of the rounds wait until something is saved, however busy the machine is.
    if (round % 2 == 1) read_one();
    std::this_thread::sleep_for(std::chrono::microseconds(10000 + rng.NextBelow(20000)));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (read_one()) {
    }
    ::close(ends[0]);
    const auto store = StateStore::Open(folder_, nullptr, {});
    if (!store.ok()) continue;  // killed before the folder was there
    for (int i = 0; i < 3; ++i) {
      const int found = Version(**store, "mail", StrCat("s", i));
      if (last[i] == -1) continue;
      const int next = (last[i] + 2) % 99 + 1;  // may have been saved and not yet told
      EXPECT_TRUE(found == last[i] || found == next) << found << " after " << last[i];
    }
  }
  EXPECT_GT(n_acknowledged, 0);
}

}  // namespace
}  // namespace autoglm

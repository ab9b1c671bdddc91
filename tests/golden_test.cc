// Every architecture against Hugging Face transformers: the tiny models of tests/golden, opened as
// the folders that they are. tests/golden/README.md says what is there and how it was made.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/model_runner.h"
#include "tests/npy.h"

namespace autoglm {
namespace {

constexpr double kMaxRelativeL2 = 1e-5;  // rounding is about 5e-7, a missing feature above 5e-2
// 32 tokens and 16 more. Models whose rotary factors depend on the context choose by it.
constexpr int kContext = 48;

std::vector<std::string> GoldenModels() {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(AUTOGLM_SOURCE_DIR "/tests/golden")) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class GoldenTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::string folder = StrCat(AUTOGLM_SOURCE_DIR "/tests/golden/", GetParam());
    Result<std::unique_ptr<ModelFile>> file = ModelFile::Open(folder);
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    file_ = std::move(file).value();
    tokens_ = ReadNpy<int32_t>(folder + "/tokens.npy");
    logits_ = ReadNpy<float>(folder + "/logits.npy");
    greedy_ = ReadNpy<int32_t>(folder + "/greedy.npy");
    ASSERT_EQ(tokens_.shape.size(), 2u);
    ASSERT_EQ(logits_.shape.size(), 3u);
    ASSERT_EQ(greedy_.shape.size(), 2u);
  }

  std::unique_ptr<ModelRunner> Load(int n_threads = 2) const {
    LoadOptions options;
    options.n_ctx = kContext;
    auto runner = std::make_unique<ModelRunner>(*file_, options, n_threads);
    EXPECT_TRUE(runner->status().ok()) << runner->status().ToString();
    return runner;
  }

  int64_t n_sequences() const { return tokens_.shape[0]; }
  std::span<const int32_t> Tokens(int64_t i) const { return Row(tokens_, i); }
  std::span<const int32_t> GreedyTokens(int64_t i) const { return Row(greedy_, i); }
  Rows Logits(int64_t i) const {
    const int64_t n = logits_.shape[1], vocab_size = logits_.shape[2];
    Rows rows;
    for (int64_t r = i * n; r < (i + 1) * n; ++r) {
      const auto begin = logits_.values.begin() + r * vocab_size;
      rows.emplace_back(begin, begin + vocab_size);
    }
    return rows;
  }

 private:
  static std::span<const int32_t> Row(const NpyArray<int32_t>& array, int64_t i) {
    const auto n = static_cast<size_t>(array.shape[1]);
    return std::span<const int32_t>(array.values).subspan(static_cast<size_t>(i) * n, n);
  }

  std::unique_ptr<ModelFile> file_;
  NpyArray<int32_t> tokens_, greedy_;
  NpyArray<float> logits_;
};

TEST_P(GoldenTest, LogitsAreThoseOfTransformers) {
  const auto runner = Load();
  ASSERT_TRUE(runner->status().ok());
  double worst = 0;
  for (int64_t i = 0; i < n_sequences(); ++i) {
    const Rows rows = runner->Prefill(Tokens(i), Tokens(i).size());
    worst = std::max(worst, RelativeL2(rows, Logits(i)));
  }
  std::printf("%-22s relative L2 %.1e\n", GetParam().c_str(), worst);
  EXPECT_LT(worst, kMaxRelativeL2);
}

TEST_P(GoldenTest, GreedyDecodingContinuesAsInTransformers) {
  const auto runner = Load();
  ASSERT_TRUE(runner->status().ok());
  for (int64_t i = 0; i < n_sequences(); ++i) {
    const std::span<const int32_t> expected = GreedyTokens(i);
    EXPECT_EQ(runner->Greedy(Tokens(i), static_cast<int>(expected.size())),
              std::vector<int32_t>(expected.begin(), expected.end()))
        << "sequence " << i;
  }
}

// A row's sums run in the same order whatever else is in its batch, so the bits are the same.
TEST_P(GoldenTest, HowTokensAreCutIntoBatchesChangesNoBit) {
  const auto runner = Load();
  ASSERT_TRUE(runner->status().ok());
  const std::span<const int32_t> tokens = Tokens(0);
  const Rows whole = runner->Prefill(tokens, tokens.size());
  for (const size_t chunk : {1, 3, 8, 17}) {
    EXPECT_EQ(runner->Prefill(tokens, chunk), whole) << "in chunks of " << chunk;
  }
}

TEST_P(GoldenTest, AnotherSequenceInTheBatchChangesNoBit) {
  const auto runner = Load();
  ASSERT_TRUE(runner->status().ok());
  const std::span<const int32_t> a = Tokens(0), b = Tokens(1);
  Rows expected_a = runner->Prefill(a, a.size());
  Rows expected_b = runner->Prefill(b, b.size());

  KvSequence sequence_a = runner->NewSequence(), sequence_b = runner->NewSequence();
  // The second runs behind the first and in pieces of another length.
  Rows found_a, found_b;
  const auto step = [&](size_t first_a, size_t n_a, size_t first_b, size_t n_b) {
    const ModelRunner::Feed feeds[] = {{&sequence_a, a.subspan(first_a, n_a)},
                                       {&sequence_b, b.subspan(first_b, n_b)}};
    const Rows rows = runner->Run(feeds);
    ASSERT_EQ(rows.size(), n_a + n_b);
    found_a.insert(found_a.end(), rows.begin(), rows.begin() + n_a);
    found_b.insert(found_b.end(), rows.begin() + n_a, rows.end());
  };
  step(0, 20, 0, 5);
  step(20, 1, 5, 20);
  step(21, 11, 25, 1);
  expected_b.resize(26);
  EXPECT_EQ(found_a, expected_a);
  EXPECT_EQ(found_b, expected_b);
}

TEST_P(GoldenTest, TheNumberOfThreadsChangesNoBit) {
  const auto one = Load(1), two = Load(2);
  ASSERT_TRUE(one->status().ok() && two->status().ok());
  EXPECT_EQ(one->Prefill(Tokens(0), 32), two->Prefill(Tokens(0), 32));
  EXPECT_EQ(one->Prefill(Tokens(0), 1), two->Prefill(Tokens(0), 1));
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenTest, testing::ValuesIn(GoldenModels()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace autoglm

// Measuring, choosing and writing, on a small real model.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "compress/divergence.h"
#include "compress/hessian.h"
#include "compress/imatrix.h"
#include "compress/mixed_types.h"
#include "compress/quantize.h"
#include "platform/file.h"
#include "tests/test_data.h"

namespace autoglm {
namespace {

class CompressTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string path = TestDataPath("models/stories260K.gguf");
    const std::string text = TestDataPath("models/ppl_text.txt");
    if (path.empty() || text.empty()) GTEST_SKIP() << "no external test data";
    file_ = ModelFile::Open(path).value();
    text_ = {ReadWholeFile(text, 1 << 20).value(), "ppl_text.txt", 128, 32};
    folder_ = std::filesystem::temp_directory_path() /
              ("autoglm_compress_test_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<ProbedModel> Load(const ModelFile& file) {
    return ProbedModel::Load(file, text_.n_ctx, 2).value();
  }

  ImportanceMatrix Importance() {
    const auto model = Load(*file_);
    return CollectImportance(*model, model->Tokenize(text_).value(), text_, kNoProgress).value();
  }

  // Of the model in `path` from the original, over the text.
  double DivergenceOf(const std::string& path) {
    const auto original = Load(*file_);
    const std::vector<int32_t> tokens = original->Tokenize(text_).value();
    const auto file = ModelFile::Open(path).value();
    const auto model = Load(*file);
    return ScoreText(model->engine(), &original->engine(), tokens, text_.n_ctx, model->bos_id(),
                     kNoProgress)
        ->divergence.mean;
  }

  QuantizeOptions To(const char* type) {
    QuantizeOptions options;
    const Recipe recipe = ParseRecipe(type).value();
    options.choose = [recipe](const TensorEntry& tensor) {
      return ChooseDType(recipe, {}, tensor.name, tensor.shape);
    };
    options.n_threads = 2;
    return options;
  }

  std::string Path(const char* name) { return (folder_ / name).string(); }

  static constexpr auto kNoProgress = [](int, int) { return OkStatus(); };

  std::unique_ptr<ModelFile> file_;
  CalibrationText text_;
  std::filesystem::path folder_;
};

TEST_F(CompressTest, ImportanceIsTheSumOfSquaresOfWhatMatricesRead) {
  const ImportanceMatrix matrix = Importance();
  EXPECT_EQ(matrix.n_chunks, 32u);
  EXPECT_EQ(matrix.chunk_size, 128u);
  ASSERT_EQ(matrix.entries.size(), 5u * 7 + 1);
  const auto& q = matrix.entries.at("blk.0.attn_q.weight");
  EXPECT_EQ(q.n_tokens, 32 * 127);
  ASSERT_EQ(q.sum_squares.size(), 64u);
  // What q reads is normalized: the mean square of x / weight is 1 (but for the epsilon).
  const TensorEntry& norm = *file_->Find("blk.0.attn_norm.weight");
  const float* weights = file_->View(norm).f32();
  double mean = 0;
  for (int c = 0; c < 64; ++c) {
    mean += q.sum_squares[static_cast<size_t>(c)] / (weights[c] * weights[c]) / 64 / (32 * 127);
  }
  EXPECT_NEAR(mean, 1, 0.01);
  EXPECT_EQ(matrix.entries.at("blk.0.attn_k.weight").sum_squares, q.sum_squares);
  EXPECT_EQ(matrix.entries.at("blk.4.ffn_down.weight").sum_squares.size(), 172u);
}

TEST_F(CompressTest, AHessianHasTheImportanceOnItsDiagonalWhateverTheMemory) {
  const ImportanceMatrix matrix = Importance();
  const auto model = Load(*file_);
  const std::vector<int32_t> tokens = model->Tokenize(text_).value();
  const std::vector<std::string> names = {"blk.1.ffn_down.weight", "blk.0.attn_q.weight",
                                          "blk.0.attn_k.weight", "token_embd.weight"};
  HessianSource::Options options;
  options.n_ctx = text_.n_ctx;
  options.max_bytes = 1;  // one at a time: the text is read for each
  HessianSource source(*model, tokens, names, options);
  for (const std::string& name : {names[0], names[1]}) {
    const auto hessian = source.Get(name);
    ASSERT_TRUE(hessian.ok()) << hessian.status().ToString();
    const auto& expected = matrix.entries.at(name).sum_squares;
    ASSERT_EQ((*hessian)->cols, static_cast<int64_t>(expected.size()));
    for (int64_t c = 0; c < (*hessian)->cols; ++c) {
      // float32 sums of 4064 squares, in another order
      EXPECT_NEAR((*hessian)->row(c)[c], expected[static_cast<size_t>(c)],
                  1e-4 * expected[static_cast<size_t>(c)] + 1e-4);
    }
    EXPECT_EQ((*hessian)->row(0)[1], (*hessian)->row(1)[0]);
  }
  EXPECT_EQ(source.Get("blk.0.attn_k.weight").value(), source.Get("blk.0.attn_q.weight").value());
  EXPECT_EQ(source.Get("token_embd.weight").value(), nullptr);  // the model has an output.weight
}

TEST_F(CompressTest, AnImatrixFileHoldsWhatWasWritten) {
  const ImportanceMatrix matrix = Importance();
  ASSERT_TRUE(WriteImatrix(matrix, Path("i.gguf")).ok());
  const auto read = ReadImatrix(Path("i.gguf"));
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  ASSERT_EQ(read->entries.size(), matrix.entries.size());
  for (const auto& [name, entry] : matrix.entries) {
    EXPECT_EQ(read->entries.at(name).sum_squares, entry.sum_squares) << name;
    EXPECT_EQ(read->entries.at(name).n_tokens, entry.n_tokens) << name;
  }
  EXPECT_EQ(read->datasets, matrix.datasets);
  EXPECT_EQ(read->n_chunks, matrix.n_chunks);
  EXPECT_TRUE(CheckMatches(*read, *file_).ok());
}

TEST_F(CompressTest, WhatIsNoImatrixOrOfAnotherModelIsRefused) {
  const Status no_imatrix = ReadImatrix(file_->path()).status();
  EXPECT_EQ(no_imatrix.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(no_imatrix.message().find("not an importance matrix"), std::string::npos);
  ImportanceMatrix matrix = Importance();
  EXPECT_EQ(CheckMatches({}, *file_).code(), StatusCode::kInvalidArgument);
  matrix.entries["blk.0.attn_q.weight"].sum_squares.resize(32);
  const Status other_shape = CheckMatches(matrix, *file_);
  EXPECT_EQ(other_shape.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(other_shape.message().find("32 columns"), std::string::npos) << other_shape.message();
  matrix.entries["blk.9.attn_q.weight"].sum_squares.resize(64);
  matrix.entries.erase("blk.0.attn_q.weight");
  QuantizeOptions options = To("q8_0");
  options.importance = &matrix;
  const Status other_model = QuantizeModel(*file_, Path("o.gguf"), options);
  EXPECT_EQ(other_model.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(other_model.message().find("of another model"), std::string::npos);
  EXPECT_FALSE(FileExists(Path("o.gguf")));
  matrix = Importance();
  matrix.entries["blk.0.attn_q.weight"].sum_squares[3] = -1;
  ASSERT_TRUE(WriteImatrix(matrix, Path("i.gguf")).ok());
  EXPECT_EQ(ReadImatrix(Path("i.gguf")).status().code(), StatusCode::kDataLoss);
}

TEST_F(CompressTest, TextsThatCannotBeUsedAreRefused) {
  const auto model = Load(*file_);
  const auto message = [&](const std::string& text) {
    CalibrationText calibration = text_;
    calibration.text = text;
    const auto tokens = model->Tokenize(calibration);
    EXPECT_EQ(tokens.status().code(), StatusCode::kInvalidArgument);
    return tokens.status().message();
  };
  EXPECT_NE(message("").find("'ppl_text.txt' is empty"), std::string::npos);
  EXPECT_NE(message("abc\xff"
                    "def")
                .find("byte 3"),
            std::string::npos);
  EXPECT_NE(message("too short").find("one chunk takes 128"), std::string::npos);
}

TEST_F(CompressTest, ImportanceAndCorrectionEachLowerTheDivergenceOfFourBits) {
  QuantizeOptions options = To("q4_0");
  ASSERT_TRUE(QuantizeModel(*file_, Path("nearest.gguf"), options).ok());
  const double nearest = DivergenceOf(Path("nearest.gguf"));
  const ImportanceMatrix matrix = Importance();
  options.importance = &matrix;
  ASSERT_TRUE(QuantizeModel(*file_, Path("imatrix.gguf"), options).ok());
  options.importance = nullptr;
  options.correct_over = &text_;
  ASSERT_TRUE(QuantizeModel(*file_, Path("gptq.gguf"), options).ok());
  // Over the text that was measured on; how it is elsewhere is in docs/compression.md.
  EXPECT_LT(DivergenceOf(Path("imatrix.gguf")), nearest);
  EXPECT_LT(DivergenceOf(Path("gptq.gguf")), nearest);
  EXPECT_EQ(std::filesystem::file_size(Path("gptq.gguf")),
            std::filesystem::file_size(Path("nearest.gguf")));
}

TEST_F(CompressTest, CancellingLeavesTheOldFile) {
  ASSERT_TRUE(WriteFileAtomic(Path("o.gguf"), "old").ok());
  QuantizeOptions options = To("q4_0");
  options.correct_over = &text_;
  options.progress = [](const char* what, int64_t, int64_t) {
    return std::string_view(what) != "reading";
  };
  EXPECT_EQ(QuantizeModel(*file_, Path("o.gguf"), options).code(), StatusCode::kCancelled);
  EXPECT_EQ(ReadWholeFile(Path("o.gguf"), 100).value(), "old");
}

TEST_F(CompressTest, MixedTypesKeepToTheSizeAndBeatOneTypeOfThatSize) {
  const ImportanceMatrix matrix = Importance();
  QuantizeOptions options = To("q4_0");
  options.importance = &matrix;
  ASSERT_TRUE(QuantizeModel(*file_, Path("one.gguf"), options).ok());
  MixedTypesRequest request;
  request.file_bytes = static_cast<int64_t>(std::filesystem::file_size(Path("one.gguf")));
  request.importance = &matrix;
  request.text = &text_;
  request.n_threads = 2;
  const auto plan = PlanMixedTypes(*file_, request);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  options.choose = [&](const TensorEntry& tensor) { return plan->TypeOf(tensor); };
  options.file_type = plan->FileType();
  ASSERT_TRUE(QuantizeModel(*file_, Path("mixed.gguf"), options).ok());
  EXPECT_EQ(static_cast<int64_t>(std::filesystem::file_size(Path("mixed.gguf"))), plan->file_bytes);
  EXPECT_LE(plan->file_bytes, *request.file_bytes);
  EXPECT_LT(DivergenceOf(Path("mixed.gguf")), DivergenceOf(Path("one.gguf")));

  request.file_bytes = 50'000;
  const auto too_small = PlanMixedTypes(*file_, request);
  EXPECT_EQ(too_small.status().code(), StatusCode::kResourceExhausted);
  EXPECT_NE(too_small.status().message().find("cannot be made smaller"), std::string::npos);
  request.bits_per_weight = 4;
  EXPECT_EQ(PlanMixedTypes(*file_, request).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace autoglm

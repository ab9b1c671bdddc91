#include "formats/convert.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "platform/file.h"
#include "quant/quant_format.h"
#include "tests/test_data.h"

namespace autoglm {
namespace {

class ConvertTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = (std::filesystem::temp_directory_path() /
             ("autoglm_convert_test_" + std::to_string(::getpid()) + ".gguf"))
                .string();
  }
  void TearDown() override { std::filesystem::remove(path_); }
  std::string path_;
};

std::vector<float> Floats(const ModelFile& file, const TensorEntry& entry) {
  std::vector<std::byte> raw(static_cast<size_t>(entry.n_bytes()));
  EXPECT_TRUE(file.ReadRows(entry, 0, entry.shape.rows(), raw.data()).ok());
  std::vector<float> out(static_cast<size_t>(entry.shape.n_elements()));
  Format(entry.dtype).decode(raw.data(), out.data(), entry.shape.n_elements());
  return out;
}

DType MatricesAs(DType dtype, const TensorEntry& entry) {
  const bool fits = entry.shape.cols() % Info(dtype).block_elements == 0;
  return entry.shape.rank() > 1 && fits ? dtype : entry.dtype;
}

TEST_F(ConvertTest, AFolderWrittenAsGgufHoldsTheSameValues) {
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "models/stories260K-hf");
  auto in = ModelFile::Open(folder);
  ASSERT_TRUE(in.ok());
  const Status written = WriteGguf(**in, path_, {});
  ASSERT_TRUE(written.ok()) << written.ToString();
  auto out = ModelFile::Open(path_);
  ASSERT_TRUE(out.ok()) << out.status().ToString();
  ASSERT_EQ((*out)->tensors().size(), (*in)->tensors().size());
  for (const TensorEntry& entry : (*in)->tensors()) {
    EXPECT_EQ(Floats(**out, *(*out)->Find(entry.name)), Floats(**in, entry)) << entry.name;
  }
  for (const auto& [key, value] : (*in)->metadata().entries()) {
    EXPECT_EQ((*out)->metadata().Find(key)->v, value.v) << key;
  }
}

TEST_F(ConvertTest, QuantizedRowsAreEncodedOneByOneWhateverTheThreads) {
  AUTOGLM_TEST_DATA_OR_SKIP(source, "models/stories260K.gguf");
  auto in = ModelFile::Open(source);
  ASSERT_TRUE(in.ok());
  std::string first;
  for (int n_threads : {1, 3}) {
    ConvertOptions options;
    options.choose = [](const TensorEntry& entry) { return MatricesAs(DType::kQ8_0, entry); };
    options.n_threads = n_threads;
    options.file_type = 7;
    int64_t last = 0, total = 0;
    options.progress = [&](int64_t done, int64_t all) {
      EXPECT_GE(done, last);
      last = done, total = all;
      return true;
    };
    ASSERT_TRUE(WriteGguf(**in, path_, options).ok());
    EXPECT_EQ(last, total);
    const std::string bytes = *ReadWholeFile(path_, 10 << 20);
    if (first.empty()) first = bytes;
    EXPECT_EQ(bytes, first);
  }
  auto out = ModelFile::Open(path_);
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(*(*out)->metadata().GetInt("general.file_type"), 7);
  EXPECT_EQ(*(*out)->metadata().GetInt("general.quantization_version"), 2);
  for (const TensorEntry& entry : (*in)->tensors()) {
    const TensorEntry& found = *(*out)->Find(entry.name);
    const std::vector<float> a = Floats(**in, entry), b = Floats(**out, found);
    double error = 0, norm = 0;
    for (size_t i = 0; i < a.size(); ++i)
      error += (a[i] - b[i]) * (a[i] - b[i]), norm += a[i] * a[i];
    EXPECT_LE(std::sqrt(error / norm), found.dtype == DType::kQ8_0 ? 0.01 : 0) << entry.name;
  }
}

TEST_F(ConvertTest, RequantizingMustBeAllowed) {
  AUTOGLM_TEST_DATA_OR_SKIP(source, "models/stories260K-ffn192-q8_0.gguf");
  auto in = ModelFile::Open(source);
  ASSERT_TRUE(in.ok());
  ConvertOptions options;
  options.choose = [](const TensorEntry& entry) { return MatricesAs(DType::kQ4_0, entry); };
  const Status refused = WriteGguf(**in, path_, options);
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(refused.message().find("quantized already"), std::string::npos) << refused.message();
  EXPECT_FALSE(FileExists(path_));
  options.allow_requantize = true;
  EXPECT_TRUE(WriteGguf(**in, path_, options).ok());
}

TEST_F(ConvertTest, TextsOfTheMetadataCanBeSetAndOtherValuesCannot) {
  AUTOGLM_TEST_DATA_OR_SKIP(source, "models/stories260K.gguf");
  auto in = ModelFile::Open(source);
  ASSERT_TRUE(in.ok());
  ConvertOptions options;
  options.strings = {{"general.name", "another"}, {"autoglm.task", "phone_actions"}};
  ASSERT_TRUE(WriteGguf(**in, path_, options).ok());
  auto out = ModelFile::Open(path_);
  ASSERT_TRUE(out.ok());
  EXPECT_EQ((*out)->metadata().GetString("general.name").value(), "another");
  EXPECT_EQ((*out)->metadata().GetString("autoglm.task").value(), "phone_actions");
  options.strings = {{"llama.block_count", "6"}};
  const Status refused = WriteGguf(**in, path_, options);
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(refused.message().find("llama.block_count is a u32"), std::string::npos)
      << refused.message();
}

TEST_F(ConvertTest, BadChoicesAndCancellingLeaveNoFile) {
  AUTOGLM_TEST_DATA_OR_SKIP(source, "models/stories260K.gguf");
  auto in = ModelFile::Open(source);
  ASSERT_TRUE(in.ok());
  ConvertOptions options;
  options.choose = [](const TensorEntry&) { return DType::kIQ4_XS; };
  EXPECT_EQ(WriteGguf(**in, path_, options).code(), StatusCode::kInvalidArgument);
  options.choose = [](const TensorEntry&) { return DType::kQ4_K; };  // rows of 64 do not divide
  EXPECT_EQ(WriteGguf(**in, path_, options).code(), StatusCode::kInvalidArgument);
  options.choose = nullptr;
  options.progress = [](int64_t, int64_t) { return false; };
  EXPECT_EQ(WriteGguf(**in, path_, options).code(), StatusCode::kCancelled);
  options.progress = nullptr;
  options.importance = [](const TensorEntry&) {
    static const std::vector<float> kWeights(3, 1.0f);
    return std::span<const float>(kWeights);
  };
  options.choose = [](const TensorEntry& entry) { return MatricesAs(DType::kQ8_0, entry); };
  EXPECT_EQ(WriteGguf(**in, path_, options).code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(FileExists(path_));
}

}  // namespace
}  // namespace autoglm

#include "formats/gguf_writer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "formats/gguf_file.h"
#include "platform/file.h"
#include "tests/test_data.h"

namespace autoglm {
namespace {

class GgufWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = (std::filesystem::temp_directory_path() /
             ("autoglm_writer_test_" + std::to_string(::getpid()) + ".gguf"))
                .string();
  }
  void TearDown() override { std::filesystem::remove(path_); }

  std::unique_ptr<ModelFile> WriteAndOpen(const Metadata& metadata,
                                          std::span<const TensorEntry> tensors,
                                          const TensorSource& source) {
    const Status written = WriteGgufFile(path_, metadata, tensors, source);
    EXPECT_TRUE(written.ok()) << written.ToString();
    auto opened = ModelFile::Open(path_);
    EXPECT_TRUE(opened.ok()) << opened.status().ToString();
    return opened.ok() ? std::move(*opened) : nullptr;
  }

  std::string path_;
};

Status NoData(const TensorEntry&, const ByteSink&) { return OkStatus(); }

TEST_F(GgufWriterTest, EveryValueTypeSurvivesTheRoundTrip) {
  Metadata m;
  const auto integer = [&](const char* key, MetaType type, int64_t v) {
    m.Set(key, {type, MetaType::kString, v});
    m.Set(std::string("array.") + key, {MetaType::kArray, type, std::vector<int64_t>{v, 0, 1, v}});
  };
  integer("u8", MetaType::kU8, 255);
  integer("i8", MetaType::kI8, -128);
  integer("u16", MetaType::kU16, 65535);
  integer("i16", MetaType::kI16, -32768);
  integer("u32", MetaType::kU32, 4294967295);
  integer("i32", MetaType::kI32, INT32_MIN);
  integer("u64", MetaType::kU64, INT64_MAX);
  integer("i64", MetaType::kI64, INT64_MIN);
  integer("bool", MetaType::kBool, 1);
  m.SetF32("f32", 0.1f);
  m.Set("f64", {MetaType::kF64, MetaType::kString, 0.1});
  m.SetF32s("array.f32", {0.5, -1e30f});
  m.Set("array.f64", {MetaType::kArray, MetaType::kF64, std::vector<double>{0.1, 1e300}});
  m.SetString("string", std::string("a\0b\xff", 4));
  m.SetString("string.empty", "");
  m.SetStrings("array.string", {m.Own("x"), "", m.Own("yy")});
  m.SetStrings("array.empty", {});
  const auto file = WriteAndOpen(m, {}, NoData);
  ASSERT_NE(file, nullptr);
  const auto& read = file->metadata().entries();
  ASSERT_EQ(read.size(), m.entries().size());
  for (const auto& [key, value] : m.entries()) {
    const MetaValue* found = file->metadata().Find(key);
    ASSERT_NE(found, nullptr) << key;
    EXPECT_EQ(found->type, value.type) << key;
    EXPECT_EQ(found->element, value.element) << key;
    EXPECT_EQ(found->v, value.v) << key;
  }
}

TEST_F(GgufWriterTest, ACopyOfARealFileHoldsTheSame) {
  AUTOGLM_TEST_DATA_OR_SKIP(source_path, "models/stories260K-e256-q4_k_m.gguf");
  auto source = ModelFile::Open(source_path);
  ASSERT_TRUE(source.ok());
  const auto copy = WriteAndOpen((*source)->metadata(), (*source)->tensors(),
                                 [&](const TensorEntry& entry, const ByteSink& sink) {
                                   const Tensor t = (*source)->View(entry);
                                   return sink({t.data, static_cast<size_t>(t.n_bytes())});
                                 });
  ASSERT_NE(copy, nullptr);
  ASSERT_EQ(copy->tensors().size(), (*source)->tensors().size());
  for (const TensorEntry& entry : (*source)->tensors()) {
    const TensorEntry* found = copy->Find(entry.name);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->dtype, entry.dtype);
    EXPECT_EQ(found->shape, entry.shape);
    EXPECT_EQ(std::memcmp(copy->View(*found).data, (*source)->View(entry).data,
                          static_cast<size_t>(entry.n_bytes())),
              0);
  }
  for (const auto& [key, value] : (*source)->metadata().entries()) {
    EXPECT_EQ(copy->metadata().Find(key)->v, value.v) << key;
  }
}

TEST_F(GgufWriterTest, DataInPiecesLandsAligned) {
  Metadata m;
  m.SetU32("general.alignment", 64);
  m.Set("split.count", {MetaType::kU16, MetaType::kString, int64_t{4}});
  const TensorEntry entries[] = {{"a", DType::kF32, Shape{3}}, {"b", DType::kF16, Shape{2, 2}}};
  const auto file =
      WriteAndOpen(m, entries, [](const TensorEntry& entry, const ByteSink& sink) -> Status {
        for (int64_t i = 0; i < entry.n_bytes(); ++i) {
          const std::byte b{static_cast<unsigned char>(i)};
          AUTOGLM_RETURN_IF_ERROR(sink({&b, 1}));
        }
        return OkStatus();
      });
  ASSERT_NE(file, nullptr);
  EXPECT_FALSE(file->metadata().Has("split.count"));
  const Tensor a = file->View(*file->Find("a")), b = file->View(*file->Find("b"));
  EXPECT_EQ(b.data - a.data, 64);
  EXPECT_EQ(b.data[7], std::byte{7});
  EXPECT_EQ(b.shape, (Shape{2, 2}));
}

TEST_F(GgufWriterTest, WrongInputIsRefusedAndLeavesNoFile) {
  const Metadata m;
  const auto refuse = [&](std::vector<TensorEntry> entries, const TensorSource& source) {
    EXPECT_EQ(WriteGgufFile(path_, m, entries, source).code(), StatusCode::kInvalidArgument);
    EXPECT_FALSE(FileExists(path_));
  };
  refuse({{"a", DType::kF32, Shape{2}}}, NoData);  // too little data
  refuse({{"a", DType::kF32, Shape{2}}}, [](const TensorEntry&, const ByteSink& sink) {
    const std::byte bytes[9] = {};
    return sink(bytes);
  });
  refuse({{"a", DType::kF32, Shape{2}}, {"a", DType::kF32, Shape{2}}}, NoData);
  refuse({{"a", DType::kQ8_0, Shape{33}}}, NoData);
  refuse({{"a", DType::kF32, Shape{0}}}, NoData);
  refuse({{"", DType::kF32, Shape{1}}}, NoData);
  Metadata bad;
  bad.Set("k", {MetaType::kU32, MetaType::kString, 1.5});
  EXPECT_EQ(WriteGgufFile(path_, bad, {}, NoData).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace autoglm

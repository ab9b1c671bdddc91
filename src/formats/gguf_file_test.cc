#include "formats/gguf_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>

#include "formats/gguf_bytes_for_test.h"
#include "platform/file.h"
#include "tests/test_data.h"

namespace autoglm {
namespace {

Result<std::unique_ptr<ModelFile>> OpenBytes(const std::string& bytes) {
  AUTOGLM_ASSIGN_OR_RETURN(MappedFile file, MappedFile::FromBytes(bytes));
  return GgufFile::Open(std::move(file), "test.gguf");
}

/// A small good file, to be damaged.
GgufBytes Good() {
  GgufBytes b;
  b.Text("general.architecture", "llama").U32("llama.block_count", 2);
  b.F32Tensor("a.weight", {8, 3}).F32Tensor("b.weight", {5});
  return b;
}

void ExpectRefused(const std::string& bytes, StatusCode code, std::string_view part) {
  const Status status = OpenBytes(bytes).status();
  EXPECT_EQ(status.code(), code) << status.ToString();
  EXPECT_NE(status.message().find(part), std::string::npos) << status.ToString();
  EXPECT_NE(status.message().find("test.gguf"), std::string::npos) << status.ToString();
}

TEST(GgufFile, TensorsAndMetadataAreFoundByName) {
  for (uint32_t version : {2u, 3u}) {
    GgufBytes b = Good();
    b.version = version;
    auto opened = OpenBytes(b.Build());
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    const ModelFile& file = **opened;
    EXPECT_EQ(*file.metadata().GetString("general.architecture"), "llama");
    ASSERT_EQ(file.tensors().size(), 2u);
    const TensorEntry* a = file.Find("a.weight");
    ASSERT_NE(a, nullptr);
    EXPECT_EQ(a->shape, (Shape{3, 8})) << "outermost first";
    const Tensor view = file.View(*a);
    EXPECT_EQ(view.f32_row(2)[1], 4.0f * 17);
    float rows[16];
    ASSERT_TRUE(file.ReadRows(*a, 1, 2, reinterpret_cast<std::byte*>(rows)).ok());
    EXPECT_EQ(rows[9], 4.0f * 17);
    EXPECT_FALSE(file.ReadRows(*a, 2, 2, reinterpret_cast<std::byte*>(rows)).ok());
    EXPECT_FALSE(file.ReadRows(*a, -1, 1, reinterpret_cast<std::byte*>(rows)).ok());
    EXPECT_EQ(file.Find("c.weight"), nullptr);
    file.DropPages(*a);
  }
}

TEST(GgufFile, EveryValueTypeIsRead) {
  using B = GgufBytes;
  B b;
  b.Pair("u8", 0, B::Raw<uint8_t>(200)).Pair("i8", 1, B::Raw<int8_t>(-100));
  b.Pair("u16", 2, B::Raw<uint16_t>(60000)).Pair("i16", 3, B::Raw<int16_t>(-30000));
  b.Pair("u32", 4, B::Raw<uint32_t>(4000000000)).Pair("i32", 5, B::Raw<int32_t>(-2000000000));
  b.Pair("f32", 6, B::Raw(0.5f)).Pair("bool", 7, B::Raw<uint8_t>(1)).Pair("s", 8, B::Str("hi"));
  b.Pair("u64", 10, B::Raw<uint64_t>(INT64_MAX)).Pair("i64", 11, B::Raw<int64_t>(INT64_MIN));
  b.Pair("f64", 12, B::Raw(0.1));
  b.Pair("as", 9, B::Raw<uint32_t>(8) + B::Raw<uint64_t>(2) + B::Str("x") + B::Str(""));
  b.Pair("ai", 9,
         B::Raw<uint32_t>(3) + B::Raw<uint64_t>(2) + B::Raw<int16_t>(-1) + B::Raw<int16_t>(2));
  b.Pair("ab", 9, B::Raw<uint32_t>(7) + B::Raw<uint64_t>(1) + B::Raw<uint8_t>(1));
  b.Pair("af", 9, B::Raw<uint32_t>(6) + B::Raw<uint64_t>(1) + B::Raw(0.25f));
  b.Pair("empty", 9, B::Raw<uint32_t>(8) + B::Raw<uint64_t>(0));
  auto opened = OpenBytes(b.Build());
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  const Metadata& m = (*opened)->metadata();
  EXPECT_EQ(*m.GetInt("u8"), 200);
  EXPECT_EQ(*m.GetInt("i8"), -100);
  EXPECT_EQ(*m.GetInt("u16"), 60000);
  EXPECT_EQ(*m.GetInt("i16"), -30000);
  EXPECT_EQ(*m.GetInt("u32"), 4000000000);
  EXPECT_EQ(*m.GetInt("i32"), -2000000000);
  EXPECT_EQ(*m.GetFloat("f32"), 0.5);
  EXPECT_TRUE(*m.GetBool("bool"));
  EXPECT_EQ(*m.GetString("s"), "hi");
  EXPECT_EQ(*m.GetInt("u64"), INT64_MAX);
  EXPECT_EQ(*m.GetInt("i64"), INT64_MIN);
  EXPECT_EQ(*m.GetFloat("f64"), 0.1);
  EXPECT_EQ((*m.GetStrings("as"))[0], "x");
  EXPECT_EQ((*m.GetInts("ai"))[0], -1);
  EXPECT_EQ((*m.GetFloats("af"))[0], 0.25);
  EXPECT_EQ(m.GetStrings("empty")->size(), 0u);
  EXPECT_EQ(m.Find("ab")->element, MetaType::kBool);
}

TEST(GgufFile, AFileTruncatedAnywhereIsRefused) {
  const std::string good = Good().Build();
  ASSERT_TRUE(OpenBytes(good).ok());
  // The last tensor ends 12 bytes before the end, where only padding follows.
  for (size_t n = 1; n < good.size() - 12; ++n) {
    const Status status = OpenBytes(good.substr(0, n)).status();
    ASSERT_FALSE(status.ok()) << "cut to " << n;
    ASSERT_FALSE(status.message().empty());
  }
}

TEST(GgufFile, ARealFileTruncatedAtEveryFiftiethIsRefused) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  const std::string bytes = *ReadWholeFile(path, 10 << 20);
  for (int i = 0; i < 50; ++i) {
    const Status status = OpenBytes(bytes.substr(0, bytes.size() * i / 50)).status();
    EXPECT_FALSE(status.ok()) << i;
  }
}

TEST(GgufFile, AnyFlippedByteGivesAnAnswer) {
  const std::string good = Good().Build();
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit : {0, 7}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      (void)OpenBytes(bad).ok();  // must return; under ASan, without a bad access
    }
  }
}

TEST(GgufFile, MagicAndVersionsAreToldApart) {
  GgufBytes b = Good();
  b.magic = "GGUG";
  ExpectRefused(b.Build(), StatusCode::kInvalidArgument, "not a GGUF");
  b.magic = "GGUF";
  b.version = 1;
  ExpectRefused(b.Build(), StatusCode::kUnimplemented, "version 1");
  b.version = 4;
  ExpectRefused(b.Build(), StatusCode::kUnimplemented, "version 4");
  b.version = 3u << 24;
  ExpectRefused(b.Build(), StatusCode::kUnimplemented, "big-endian");
}

TEST(GgufFile, HugeCountsAreRefusedBeforeAnythingIsAllocated) {
  GgufBytes b = Good();
  b.extra_tensors = int64_t{1} << 60;
  ExpectRefused(b.Build(), StatusCode::kDataLoss, "tensors");
  b = Good();
  b.extra_pairs = -3;  // wraps to 2^64 - 1
  ExpectRefused(b.Build(), StatusCode::kDataLoss, "metadata pairs");
  b = Good();
  b.Pair("list", 9, GgufBytes::Raw<uint32_t>(8) + GgufBytes::Raw<uint64_t>(UINT64_MAX));
  ExpectRefused(b.Build(), StatusCode::kDataLoss, "list");
  b = Good();
  b.Pair("text", 8, GgufBytes::Raw<uint64_t>(UINT64_MAX - 8));
  ExpectRefused(b.Build(), StatusCode::kDataLoss, "text");
}

TEST(GgufFile, BadMetadataIsNamed) {
  using B = GgufBytes;
  const auto refuse = [](uint32_t type, const std::string& raw, StatusCode code,
                         std::string_view part) {
    GgufBytes b = Good();
    b.Pair("the.key", type, raw);
    ExpectRefused(b.Build(), code, part);
  };
  refuse(13, "", StatusCode::kDataLoss, "unknown type 13");
  refuse(7, B::Raw<uint8_t>(2), StatusCode::kDataLoss, "'the.key': a bool");
  refuse(10, B::Raw<uint64_t>(UINT64_MAX), StatusCode::kOutOfRange, "'the.key'");
  refuse(9, B::Raw<uint32_t>(9) + B::Raw<uint64_t>(1), StatusCode::kUnimplemented, "arrays");
  GgufBytes b = Good();
  b.U32("llama.block_count", 3);
  ExpectRefused(b.Build(), StatusCode::kDataLoss, "'llama.block_count' occurs twice");
  for (uint32_t alignment : {0u, 4u, 48u, 1u << 31}) {
    b = Good();
    b.U32("general.alignment", alignment);
    ExpectRefused(b.Build(), StatusCode::kDataLoss, "general.alignment");
  }
}

TEST(GgufFile, BadTensorsAreNamed) {
  const auto refuse = [](const std::function<void(GgufBytes::Info*)>& damage, StatusCode code,
                         std::string_view part) {
    GgufBytes b = Good();
    damage(&b.infos[1]);
    ExpectRefused(b.Build(), code, part);
  };
  using Info = GgufBytes::Info;
  const StatusCode loss = StatusCode::kDataLoss;
  refuse([](Info* t) { t->dims.clear(); }, loss, "0 dimensions");
  refuse([](Info* t) { t->dims = {1, 1, 1, 1, 1}; }, loss, "5 dimensions");
  refuse([](Info* t) { t->dims = {5, 0}; }, loss, "dimension 1 of 0");
  refuse([](Info* t) { t->dims = {1ull << 32, 1ull << 32}; }, loss, "absurdly");
  refuse([](Info* t) { t->dims = {UINT64_MAX}; }, loss, "absurdly");
  refuse([](Info* t) { t->dims = {50}; }, loss, "'b.weight' of 200 B");
  refuse([](Info* t) { t->dims = {33}, t->type = 8; }, loss, "multiple of the 32");
  refuse([](Info* t) { t->type = 4; }, StatusCode::kUnimplemented, "'b.weight' is of ggml type 4");
  refuse([](Info* t) { t->type = 77; }, StatusCode::kUnimplemented, "ggml type 77");
  refuse([](Info* t) { t->offset = 97; }, loss, "no multiple of the alignment");
  refuse([](Info* t) { t->offset = 1 << 20; }, loss, "'b.weight' of 20 B at offset 1048576");
  refuse([](Info* t) { t->offset = UINT64_MAX - 31; }, loss, "'b.weight'");
  refuse([](Info* t) { t->offset = 64; }, loss, "overlap");
  refuse([](Info* t) { t->name = "a.weight"; }, loss, "'a.weight' occurs twice");
  refuse([](Info* t) { t->name = ""; }, loss, "name");
}

TEST(GgufFile, AlignmentFromTheFileIsUsed) {
  GgufBytes b;
  b.U32("general.alignment", 8);
  b.infos.push_back({"x", {2}, 0, 8});
  std::string bytes = b.Build();
  bytes.resize((bytes.size() + 7) / 8 * 8 + 8);
  bytes += GgufBytes::Raw(1.0f) + GgufBytes::Raw(2.0f);
  auto opened = OpenBytes(bytes);
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  EXPECT_EQ((*opened)->View((*opened)->tensors()[0]).f32()[1], 2.0f);
}

TEST(GgufFile, AVocabularyAloneIsAModelWithoutTensors) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "tokenizers/gguf/ggml-vocab-gpt-2.gguf");
  auto opened = ModelFile::Open(path);
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  EXPECT_EQ((*opened)->tensors().size(), 0u);
  EXPECT_EQ((*opened)->metadata().GetStrings("tokenizer.ggml.tokens")->size(), 50257u);
}

TEST(GgufFile, ALargeVocabularyOpensInMilliseconds) {
  std::string tokens = GgufBytes::Raw<uint32_t>(8) + GgufBytes::Raw<uint64_t>(150'000);
  for (int i = 0; i < 150'000; ++i) tokens += GgufBytes::Str("token" + std::to_string(i));
  GgufBytes b;
  b.Pair("tokenizer.ggml.tokens", 9, tokens);
  const std::string bytes = b.Build();
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(OpenBytes(bytes).ok());
  const auto spent = std::chrono::steady_clock::now() - start;
  EXPECT_LT(spent, std::chrono::milliseconds(200)) << "a few ms, with room for a slow machine";
}

/// A set of `n` parts in a folder of its own; part i holds tensor "t<i>".
class GgufSplitTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("autoglm_split_test_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    for (int i = 0; i < 3; ++i) WritePart(i, i, 3);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(int i) const {
    return (folder_ / ("m-0000" + std::to_string(i + 1) + "-of-00003.gguf")).string();
  }
  void WritePart(int i, int says_no, int says_count) const {
    GgufBytes b;
    if (i == 0) b.Text("general.name", "split").U32("split.tensors.count", 3);
    b.Pair("split.no", 2, GgufBytes::Raw(static_cast<uint16_t>(says_no)));
    b.Pair("split.count", 2, GgufBytes::Raw(static_cast<uint16_t>(says_count)));
    b.F32Tensor("t" + std::to_string(i), {4, 2});
    ASSERT_TRUE(WriteFileAtomic(Path(i), b.Build()).ok());
  }

  std::filesystem::path folder_;
};

TEST_F(GgufSplitTest, AnyPartOpensTheWholeSet) {
  for (int i = 0; i < 3; ++i) {
    auto opened = ModelFile::Open(Path(i));
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    EXPECT_EQ(*(*opened)->metadata().GetString("general.name"), "split");
    ASSERT_EQ((*opened)->tensors().size(), 3u);
    EXPECT_EQ((*opened)->View(*(*opened)->Find("t2")).f32()[1], 4.0f);
  }
}

TEST_F(GgufSplitTest, AMissingPartIsNamed) {
  std::filesystem::remove(Path(1));
  const Status status = ModelFile::Open(Path(0)).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_NE(status.message().find("part 2 of 3"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("m-00002-of-00003.gguf"), std::string::npos);
}

TEST_F(GgufSplitTest, PartsThatContradictTheirNamesAreRefused) {
  WritePart(1, 2, 3);
  EXPECT_EQ(ModelFile::Open(Path(0)).status().code(), StatusCode::kDataLoss);
  WritePart(1, 1, 4);
  EXPECT_EQ(ModelFile::Open(Path(0)).status().code(), StatusCode::kDataLoss);
  WritePart(1, 1, 3);
  std::filesystem::rename(Path(0), folder_ / "renamed.gguf");
  const Status status = ModelFile::Open((folder_ / "renamed.gguf").string()).status();
  EXPECT_NE(status.message().find("-00001-of-00003.gguf"), std::string::npos) << status.message();
}

TEST(ModelFileOpen, ReadingAndMappingAgree) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K-e256-q4_k_m.gguf");
  auto mapped = GgufFile::Open(path);
  auto read = GgufFile::Open(path, MapMode::kRead);
  ASSERT_TRUE(mapped.ok() && read.ok());
  for (const TensorEntry& entry : (*mapped)->tensors()) {
    const Tensor a = (*mapped)->View(entry), b = (*read)->View(entry);
    ASSERT_EQ(std::memcmp(a.data, b.data, static_cast<size_t>(a.n_bytes())), 0) << entry.name;
  }
}

TEST(ModelFileOpen, FilesThatAreNoModelAreExplained) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("autoglm_open_" + std::to_string(::getpid())))
          .string();
  const auto message = [&](const std::string& content) {
    EXPECT_TRUE(WriteFileAtomic(path, content).ok());
    const Status status = ModelFile::Open(path).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status.ToString();
    EXPECT_NE(status.message().find(path), std::string::npos) << status.message();
    return status.message();
  };
  const auto contains = [&](const std::string& content, const char* part) {
    const std::string text = message(content);
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  contains("PK\x03\x04 archive/data.pkl", "zip");
  contains("\x80\x02}q\x01.", "pickle");
  contains("tjgg\x03", "ggjt");
  contains("lmgg\x03", "ggml");
  contains("\x08\x07\x12\x07pytorch", "ONNX");
  contains("<!DOCTYPE html><html>", "web page");
  contains("version https://git-lfs.github.com/spec/v1\noid sha256:00", "git lfs pull");
  contains(std::string("\x02\0\0\0\0\0\0\0{}", 10), "folder");
  contains("{\"architectures\": []}", "JSON");
  contains("once upon a time", "not a model");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace autoglm

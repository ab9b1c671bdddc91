#include "formats/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "formats/safetensors_bytes_for_test.h"
#include "tests/test_data.h"

namespace autoglm {
namespace {

Result<std::vector<SafetensorsEntry>> Parse(const std::string& bytes) {
  return ParseSafetensors(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

constexpr char kGood[] = R"({"__metadata__":{"format":"pt"},
  "b":{"dtype":"BF16","shape":[2,3],"data_offsets":[8,20]},
  "a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

TEST(Safetensors, EntriesComeInTheOrderOfTheirData) {
  auto entries = Parse(SafetensorsBytes(kGood, std::string(20, 'x')));
  ASSERT_TRUE(entries.ok()) << entries.status().ToString();
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_EQ((*entries)[0].dtype, DType::kF32);
  EXPECT_EQ((*entries)[1].shape, (Shape{2, 3}));
  EXPECT_EQ((*entries)[1].offset, 8 + std::string(kGood).size() + 8);
  EXPECT_EQ((*entries)[1].n_bytes, 12u);
}

TEST(Safetensors, AFileTruncatedAnywhereIsRefused) {
  const std::string good = SafetensorsBytes(kGood, std::string(20, 'x'));
  for (size_t n = 0; n < good.size(); ++n) {
    EXPECT_EQ(Parse(good.substr(0, n)).status().code(), StatusCode::kDataLoss) << n;
  }
}

TEST(Safetensors, AnyChangedByteGivesAnAnswer) {
  const std::string good = SafetensorsBytes(kGood, std::string(20, 'x'));
  for (size_t i = 0; i < good.size() - 20; ++i) {
    for (char c : {'\0', '"', '9', '{', '\xff'}) {
      std::string bad = good;
      bad[i] = c;
      (void)Parse(bad).ok();
    }
  }
}

TEST(Safetensors, BadHeadersAreExplained) {
  const auto refuse = [](const std::string& header, std::string_view part,
                         StatusCode code = StatusCode::kDataLoss) {
    const Status status = Parse(SafetensorsBytes(header, std::string(20, 'x'))).status();
    EXPECT_EQ(status.code(), code) << header << "\n" << status.ToString();
    EXPECT_NE(status.message().find(part), std::string::npos) << status.ToString();
  };
  const auto tensor = [](const std::string& dtype, const std::string& shape,
                         const std::string& offsets) {
    return R"({"t":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
           "}}";
  };
  refuse("[]", "no valid JSON object");
  refuse("{", "no valid JSON object");
  refuse(R"({"t":1})", "'t'");
  refuse(R"({"t":{}})", "'t'");
  refuse(tensor("\"F32\"", "[2]", "[0,9]"), "needs 8 bytes");
  refuse(tensor("\"F32\"", "[2]", "[16,24]"), "do not lie within");
  refuse(tensor("\"F32\"", "[2]", "[8,0]"), "do not lie within");
  refuse(tensor("\"F32\"", "[2]", "[-8,0]"), "do not lie within");
  refuse(tensor("\"F32\"", "[2]", "[0.0,8]"), "do not lie within");
  refuse(tensor("\"F32\"", "[2]", "[0,18446744073709551615]"), "do not lie within");
  refuse(tensor("\"F32\"", "[-2]", "[0,8]"), "no size");
  refuse(tensor("\"F32\"", "[4294967296,4294967296]", "[0,8]"), "absurdly");
  refuse(tensor("\"F32\"", "2", "[0,8]"), "no list");
  refuse(tensor("\"F32\"", "[1,1,1,1,2]", "[0,8]"), "5 dimensions", StatusCode::kUnimplemented);
  refuse(tensor("\"F99\"", "[2]", "[0,8]"), "'F99'", StatusCode::kUnimplemented);
  refuse(tensor("7", "[2]", "[0,8]"), "malformed");
  refuse(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
             "b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
         "overlap");
  refuse(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
             "a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
         "'a': occurs twice");
  std::string huge = SafetensorsBytes("{}", "");
  huge[6] = 1;
  EXPECT_EQ(Parse(huge).status().code(), StatusCode::kDataLoss);
}

TEST(Safetensors, TypesThatCannotBeUsedAreKnownByName) {
  auto entries = Parse(SafetensorsBytes(
      R"({"t":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]},
          "i":{"dtype":"I64","shape":[],"data_offsets":[4,12]}})",
      std::string(12, 'x')));
  ASSERT_TRUE(entries.ok()) << entries.status().ToString();
  EXPECT_FALSE((*entries)[0].dtype);
  EXPECT_EQ((*entries)[0].dtype_name, "F8_E4M3");
  EXPECT_EQ((*entries)[1].shape.rank(), 0);
}

class SafetensorsFolderTest : public testing::Test {
 protected:
  std::string OpenMessage(StatusCode code) {
    const Status status = SafetensorsFolder::Open(folder_.path()).status();
    EXPECT_EQ(status.code(), code) << status.ToString();
    return status.message();
  }
  void Expect(StatusCode code, std::string_view part) {
    const std::string message = OpenMessage(code);
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
  TempFolder folder_{"safetensors"};
};

TEST_F(SafetensorsFolderTest, AnIndexJoinsItsShards) {
  folder_.Put("one.safetensors", F32Tensors().Add("a", {2}).Build());
  folder_.Put("two.safetensors", F32Tensors().Add("b", {3}).Build());
  folder_.Put("model.safetensors.index.json",
              R"({"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
  auto set = SafetensorsFolder::Open(folder_.path());
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  ASSERT_NE(set->Find("b"), nullptr);
  float values[3];
  std::memcpy(values, set->Find("b")->bytes.data(), sizeof(values));
  EXPECT_EQ(values[2], 2.0f);
  EXPECT_EQ(set->Find("c"), nullptr);

  folder_.Remove("two.safetensors");
  Expect(StatusCode::kNotFound, "two.safetensors");
  folder_.Put("two.safetensors", F32Tensors().Add("c", {3}).Build());
  Expect(StatusCode::kDataLoss, "'b' is not in two.safetensors");
  folder_.Put("two.safetensors", F32Tensors().Add("a", {3}).Build());
  Expect(StatusCode::kDataLoss, "'a' is in another file");
}

TEST_F(SafetensorsFolderTest, AnIndexCannotReachOutsideItsFolder) {
  for (const char* name : {"../x.safetensors", "/etc/passwd", "..", "", "a\\\\b", "a\\u0000b"}) {
    folder_.Put("model.safetensors.index.json",
                std::string(R"({"weight_map":{"a":")") + name + R"("}})");
    Expect(StatusCode::kInvalidArgument, "no file name within the folder");
  }
  folder_.Put("model.safetensors.index.json", R"({"weight_map":{"a":7}})");
  Expect(StatusCode::kInvalidArgument, "no file name within the folder");
  folder_.Put("model.safetensors.index.json", R"({"weights":{}})");
  Expect(StatusCode::kInvalidArgument, "weight_map");
}

TEST_F(SafetensorsFolderTest, TheOnlyFileIsTakenWhateverItsName) {
  folder_.Put("consolidated.safetensors", F32Tensors().Add("a", {2}).Build());
  EXPECT_TRUE(SafetensorsFolder::Open(folder_.path()).ok());
  folder_.Put("other.safetensors", F32Tensors().Add("a", {2}).Build());
  Expect(StatusCode::kNotFound, "2 safetensors files");
}

TEST_F(SafetensorsFolderTest, MissingWeightsAreExplained) {
  Expect(StatusCode::kNotFound, "no weights");
  folder_.Put("pytorch_model.bin", "PK");
  Expect(StatusCode::kInvalidArgument, "PyTorch weights");
}

}  // namespace
}  // namespace autoglm

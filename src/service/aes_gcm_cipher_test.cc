#include "service/aes_gcm_cipher.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "platform/file.h"

namespace autoglm {
namespace {

constexpr std::string_view kKey = "0123456789abcdef0123456789ABCDEF";
constexpr std::string_view kHexKey =
    "3031323334353637383961626364656630313233343536373839414243444546";

using Salt = std::array<std::byte, StateCipher::kSaltBytes>;
using Tag = std::array<std::byte, RecordCipher::kTagBytes>;

std::unique_ptr<RecordCipher> Records(std::string_view key, Salt salt = {}) {
  return NewAesGcmCipher(key).value()->ForFile(salt).value();
}

std::vector<std::byte> Text(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return {bytes.begin(), bytes.end()};
}

TEST(AesGcmCipher, WhatItSealsItOpens) {
  const std::vector<std::byte> plain = Text("what was said stays between us"), head = Text("head");
  std::vector<std::byte> record = plain;
  Tag tag;
  ASSERT_TRUE(Records(kKey)->Seal(7, head, record, tag).ok());
  EXPECT_NE(record, plain);
  ASSERT_TRUE(Records(kKey)->Open(7, head, record, tag).ok());
  EXPECT_EQ(record, plain);
}

TEST(AesGcmCipher, AnotherKeyFileNumberHeadOrByteIsNoticed) {
  const std::vector<std::byte> plain = Text("secret"), head = Text("head");
  std::vector<std::byte> sealed = plain;
  Tag tag;
  ASSERT_TRUE(Records(kKey)->Seal(7, head, sealed, tag).ok());
  const auto open = [&](std::string_view key, Salt salt, uint64_t number,
                        const std::vector<std::byte>& associated, int changed_byte) {
    std::vector<std::byte> record = sealed;
    if (changed_byte >= 0) record[changed_byte] ^= std::byte{1};
    const StatusCode code = Records(key, salt)->Open(number, associated, record, tag).code();
    if (code != StatusCode::kOk) {
      EXPECT_EQ(record, std::vector<std::byte>(record.size())) << "nothing of it is left";
    }
    return code;
  };
  EXPECT_EQ(open(kKey, {}, 7, head, -1), StatusCode::kOk);
  EXPECT_EQ(open("another key of just 32 bytes....", {}, 7, head, -1), StatusCode::kDataLoss);
  EXPECT_EQ(open(kKey, {std::byte{1}}, 7, head, -1), StatusCode::kDataLoss);
  EXPECT_EQ(open(kKey, {}, 8, head, -1), StatusCode::kDataLoss);
  EXPECT_EQ(open(kKey, {}, 7, Text("Head"), -1), StatusCode::kDataLoss);
  EXPECT_EQ(open(kKey, {}, 7, head, 3), StatusCode::kDataLoss);
}

TEST(AesGcmCipher, FilesWithOtherSaltsHaveOtherKeys) {
  std::vector<std::byte> a = Text("the same text"), b = a;
  Tag tag;
  ASSERT_TRUE(Records(kKey)->Seal(0, {}, a, tag).ok());
  ASSERT_TRUE(Records(kKey, {std::byte{1}})->Seal(0, {}, b, tag).ok());
  EXPECT_NE(a, b);
}

class KeyFileTest : public testing::Test {
 protected:
  ~KeyFileTest() override { std::filesystem::remove(path_); }
  Result<std::unique_ptr<StateCipher>> Load(std::string_view content, mode_t mode = 0600) {
    EXPECT_TRUE(WriteFileAtomic(path_, content).ok());
    ::chmod(path_.c_str(), mode);
    return AesGcmCipherFromFile(path_);
  }
  const std::string path_ =
      std::filesystem::temp_directory_path() / StrCat("key_file_test_", ::getpid());
};

TEST_F(KeyFileTest, BytesAndHexadecimalDigitsAreTheSameKey) {
  std::vector<std::byte> record = Text("text");
  Tag tag;
  ASSERT_TRUE(Load(kKey).value()->ForFile(Salt{}).value()->Seal(0, {}, record, tag).ok());
  EXPECT_TRUE(
      Load(StrCat(kHexKey, "\n")).value()->ForFile(Salt{}).value()->Open(0, {}, record, tag).ok());
}

TEST_F(KeyFileTest, AFileThatIsNoKeyOrNotPrivateIsRefused) {
  EXPECT_EQ(Load("short").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Load(std::string(64, 'g')).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Load("").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Load(kKey, 0644).status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(AesGcmCipherFromFile("/nonexistent").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace autoglm

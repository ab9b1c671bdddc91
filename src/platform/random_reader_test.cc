#include "platform/random_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace autoglm {
namespace {

TEST(RandomReader, ReadsAFileAtAnyPlaceAndNotBeyondItsEnd) {
  const std::string path =
      std::filesystem::temp_directory_path() / StrCat("random_reader_test_", ::getpid());
  ASSERT_TRUE(WriteFileAtomic(path, "0123456789").ok());
  {
    const FileReader reader = FileReader::Open(path).value();
    EXPECT_EQ(reader.size(), 10u);
    char text[4] = {};
    const auto out = std::as_writable_bytes(std::span(text, 3));
    ASSERT_TRUE(reader.ReadAt(7, out).ok());
    EXPECT_STREQ(text, "789");
    EXPECT_EQ(reader.ReadAt(8, out).code(), StatusCode::kDataLoss);
    // Shortened while it is open: an error, not a fault.
    std::filesystem::resize_file(path, 5);
    EXPECT_EQ(reader.ReadAt(4, out).code(), StatusCode::kDataLoss);
  }
  std::filesystem::remove(path);
  EXPECT_EQ(FileReader::Open(path).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(FileReader::Open("/").status().code(), StatusCode::kInvalidArgument);
}

TEST(RandomReader, ReadsMemoryAndNotBeyondItsEnd) {
  const std::byte bytes[3] = {std::byte{1}, std::byte{2}, std::byte{3}};
  const MemoryReader reader(bytes);
  std::byte out[2];
  ASSERT_TRUE(reader.ReadAt(1, out).ok());
  EXPECT_EQ(out[1], std::byte{3});
  EXPECT_EQ(reader.ReadAt(2, out).code(), StatusCode::kDataLoss);
  EXPECT_EQ(reader.ReadAt(UINT64_MAX, out).code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace autoglm

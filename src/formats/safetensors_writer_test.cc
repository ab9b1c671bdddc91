#include "formats/safetensors_writer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "formats/safetensors.h"
#include "formats/safetensors_bytes_for_test.h"

namespace autoglm {
namespace {

TEST(SafetensorsWriterTest, WhatIsWrittenIsReadBack) {
  const TempFolder folder("safetensors_writer");
  const std::vector<float> matrix = {1, 2, 3, 4, 5, 6};
  const std::string state = "{\"step\": 3}";
  const SafetensorsData tensors[] = {
      {"layer.weight", "F32", Shape{2, 3}, std::as_bytes(std::span(matrix))},
      {"state", "U8", Shape{static_cast<int64_t>(state.size())}, std::as_bytes(std::span(state))}};
  const std::string path = folder.path() + "/model.safetensors";
  ASSERT_TRUE(WriteSafetensors(path, tensors, {{"format", "pt"}}).ok());

  const auto read = SafetensorsFolder::Open(folder.path());
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  const auto* weight = read->Find("layer.weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->entry.shape, (Shape{2, 3}));
  ASSERT_EQ(weight->bytes.size(), matrix.size() * sizeof(float));
  EXPECT_EQ(std::memcmp(weight->bytes.data(), matrix.data(), weight->bytes.size()), 0);
  const auto* text = read->Find("state");
  ASSERT_NE(text, nullptr);
  EXPECT_EQ(std::memcmp(text->bytes.data(), state.data(), state.size()), 0);
}

TEST(SafetensorsWriterTest, ANameThatOccursTwiceIsRefusedAndNothingIsWritten) {
  const TempFolder folder("safetensors_twice");
  const SafetensorsData tensors[] = {{"a", "F32", Shape{0}, {}}, {"a", "F32", Shape{0}, {}}};
  const std::string path = folder.path() + "/model.safetensors";
  EXPECT_EQ(WriteSafetensors(path, tensors, {}).code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(FileExists(path));
}

}  // namespace
}  // namespace autoglm

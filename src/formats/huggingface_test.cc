#include "formats/huggingface.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "formats/gguf_file.h"
#include "platform/file.h"
#include "tests/test_data.h"

namespace autoglm {
namespace {

namespace fs = std::filesystem;

std::vector<float> ReadAll(const ModelFile& file, const TensorEntry& entry) {
  EXPECT_EQ(entry.dtype, DType::kF32) << entry.name;
  std::vector<float> out(static_cast<size_t>(entry.shape.n_elements()));
  const Status status =
      file.ReadRows(entry, 0, entry.shape.rows(), reinterpret_cast<std::byte*>(out.data()));
  EXPECT_TRUE(status.ok()) << status.ToString();
  return out;
}

TEST(HuggingFaceFolder, TheFolderAndTheGgufOfOneModelAreTheSame) {
  AUTOGLM_TEST_DATA_OR_SKIP(gguf_path, "models/stories260K.gguf");
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "models/stories260K-hf");
  auto gguf = ModelFile::Open(gguf_path);
  auto hf = ModelFile::Open(folder);
  ASSERT_TRUE(gguf.ok() && hf.ok()) << hf.status().ToString();
  size_t n_same = 0;
  for (const TensorEntry& entry : (*gguf)->tensors()) {
    if (entry.name == "output.weight") continue;  // tied in the folder
    const TensorEntry* found = (*hf)->Find(entry.name);
    ASSERT_NE(found, nullptr) << entry.name;
    EXPECT_EQ(found->shape, entry.shape) << entry.name;
    EXPECT_EQ(ReadAll(**hf, *found), ReadAll(**gguf, entry)) << entry.name;
    ++n_same;
  }
  EXPECT_EQ(n_same, (*hf)->tensors().size());
  for (const auto& [key, value] : (*gguf)->metadata().entries()) {
    if (!key.starts_with("llama.")) continue;
    const MetaValue* found = (*hf)->metadata().Find(key);
    ASSERT_NE(found, nullptr) << key;
    if (value.type == MetaType::kF32) {
      EXPECT_FLOAT_EQ(std::get<double>(found->v), std::get<double>(value.v)) << key;
    } else {
      EXPECT_EQ(found->v, value.v) << key;
    }
  }
}

TEST(HuggingFaceFolder, ViewIsInPlaceOnlyWhereNothingChanges) {
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "models/stories260K-hf");
  auto hf = ModelFile::Open(folder);
  ASSERT_TRUE(hf.ok());
  EXPECT_TRUE((*hf)->View(*(*hf)->Find("blk.0.attn_q.weight")).empty());
  const TensorEntry& v = *(*hf)->Find("blk.0.attn_v.weight");
  const Tensor view = (*hf)->View(v);
  ASSERT_FALSE(view.empty());
  EXPECT_EQ(std::memcmp(view.data, ReadAll(**hf, v).data(), static_cast<size_t>(v.n_bytes())), 0);
}

}  // namespace
}  // namespace autoglm

#include "formats/fingerprint.h"

#include <gtest/gtest.h>

#include <memory>

#include "formats/gguf_bytes_for_test.h"
#include "formats/gguf_file.h"

namespace autoglm {
namespace {

/// Two tensors of 100 rows each.
GgufBytes Model() {
  GgufBytes bytes;
  bytes.Text("general.architecture", "llama").U32("llama.block_count", 2);
  bytes.F32Tensor("a", {16, 100}).F32Tensor("b", {16, 100});
  return bytes;
}

uint64_t Of(const GgufBytes& bytes, std::string_view recipe = "") {
  MappedFile file = MappedFile::FromBytes(bytes.Build()).value();
  const auto opened = GgufFile::Open(std::move(file), "test.gguf");
  EXPECT_TRUE(opened.ok()) << opened.status().ToString();
  return ModelFingerprint(**opened, recipe).value();
}

TEST(ModelFingerprint, IsTheSameForTheSameModel) { EXPECT_EQ(Of(Model()), Of(Model())); }

TEST(ModelFingerprint, ChangesWithTheFirstAndLastRowOfEveryTensor) {
  const size_t tensor_bytes = size_t{16} * 100 * sizeof(float);
  for (size_t at : {size_t{0}, tensor_bytes - 1, tensor_bytes, 2 * tensor_bytes - 1}) {
    GgufBytes changed = Model();
    changed.data[at] = static_cast<char>(changed.data[at] ^ 1);
    EXPECT_NE(Of(changed), Of(Model())) << "byte " << at;
  }
}

TEST(ModelFingerprint, ChangesWithNamesNumbersAndTheRecipe) {
  GgufBytes renamed = Model();
  renamed.infos[1].name = "c";
  EXPECT_NE(Of(renamed), Of(Model()));
  GgufBytes other = Model();
  other.U32("llama.rope.dimension_count", 8);
  EXPECT_NE(Of(other), Of(Model()));
  EXPECT_NE(Of(Model(), "int8"), Of(Model()));
}

}  // namespace
}  // namespace autoglm

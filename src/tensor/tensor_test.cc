#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include "tensor/buffer.h"

namespace autoglm {
namespace {

TEST(DType, NamesAndIdsLeadBack) {
  for (int i = 0; i < kNumDTypes; ++i) {
    const DType dtype = static_cast<DType>(i);
    EXPECT_EQ(DTypeFromName(Name(dtype)), dtype);
    EXPECT_EQ(DTypeFromGgmlId(Info(dtype).ggml_id), dtype);
  }
  EXPECT_FALSE(DTypeFromName("q9_9"));
  EXPECT_EQ(RowBytes(DType::kQ4_K, 512), 288);
}

TEST(Tensor, ViewsShareMemory) {
  Result<Buffer> buffer = Buffer::Allocate(6 * sizeof(float), "a test");
  ASSERT_TRUE(buffer.ok());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % Buffer::kAlignment, 0u);
  const Tensor t = buffer->View(DType::kF32, Shape{3, 2});
  t.f32_row(2)[1] = 7;
  EXPECT_EQ(t.Rows(2, 1).f32()[1], 7);
  EXPECT_EQ(t.Reshape(2, 3).f32_row(1)[2], 7);
  EXPECT_EQ(t.f32()[0], 0) << "memory is zeroed";
  EXPECT_EQ(t.shape.ToString(), "[3, 2]");
}

TEST(Buffer, RefusesTheImpossible) {
  const Result<Buffer> buffer = Buffer::Allocate(SIZE_MAX - 10, "weights");
  ASSERT_FALSE(buffer.ok());
  EXPECT_EQ(buffer.status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace autoglm

#include "base/status.h"

#include <gtest/gtest.h>

namespace autoglm {
namespace {

Result<int> Half(int n) {
  if (n % 2 != 0) return Error(StatusCode::kInvalidArgument, "n is ", n, ", expected an even one");
  return n / 2;
}

Status HalveTwice(int n, int* out) {
  AUTOGLM_ASSIGN_OR_RETURN(const int half, Half(n));
  AUTOGLM_ASSIGN_OR_RETURN(*out, Half(half));
  return OkStatus();
}

TEST(Status, CarriesCodeAndMessage) {
  const Status status = Error(StatusCode::kNotFound, "tensor '", "x", "' is missing");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.ToString(), "NOT_FOUND: tensor 'x' is missing");
  EXPECT_EQ(status.WithContext("m.gguf").message(), "m.gguf: tensor 'x' is missing");
  EXPECT_TRUE(OkStatus().WithContext("m.gguf").ok());
}

TEST(Result, PropagatesTheFirstFailure) {
  int out = 0;
  EXPECT_TRUE(HalveTwice(12, &out).ok());
  EXPECT_EQ(out, 3);
  EXPECT_EQ(HalveTwice(6, &out).message(), "n is 3, expected an even one");
  EXPECT_EQ(HalveTwice(7, &out).message(), "n is 7, expected an even one");
}

TEST(Result, HoldsMoveOnlyValues) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  ASSERT_TRUE(result.ok());
  const std::unique_ptr<int> value = std::move(result).value();
  EXPECT_EQ(*value, 5);
}

}  // namespace
}  // namespace autoglm

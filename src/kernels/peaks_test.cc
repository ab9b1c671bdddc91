#include "kernels/peaks.h"

#include <gtest/gtest.h>

namespace autoglm {
namespace {

TEST(Peaks, AreWithinWhatAnyMachineCanDo) {
  ThreadPool threads(2);
  const Result<double> bandwidth = MeasureReadBandwidth(threads, int64_t{32} << 20);
  ASSERT_TRUE(bandwidth.ok());
  EXPECT_GT(*bandwidth, 1e8);
  EXPECT_LT(*bandwidth, 1e13);
  const double int8 = MeasureInt8Peak(threads);
  EXPECT_GT(int8, 1e8);
  EXPECT_LT(int8, 1e14);
}

TEST(Peaks, ABufferThatCannotBeHadIsAnError) {
  ThreadPool threads(1);
  EXPECT_EQ(MeasureReadBandwidth(threads, int64_t{1} << 60).status().code(),
            StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace autoglm

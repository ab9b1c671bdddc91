#include "kernels/peaks.h"

#include <gtest/gtest.h>

namespace autoglm {
namespace {

constexpr int64_t kMiB = 1 << 20;

TEST(Peaks, AreWithinWhatAnyMachineCanDo) {
  ThreadPool threads(2);
  const Result<double> bandwidth = MeasureReadBandwidth(threads, 32 * kMiB);
  ASSERT_TRUE(bandwidth.ok());
  EXPECT_GT(*bandwidth, 1e8);
  EXPECT_LT(*bandwidth, 1e13);
  for (const double peak : {MeasureInt8Peak(threads), MeasureFp32Peak(threads)}) {
    EXPECT_GT(peak, 1e8);
    EXPECT_LT(peak, 1e14);
  }
  EXPECT_FALSE(Int8PeakIsa().empty());
  EXPECT_FALSE(Fp32PeakIsa().empty());
}

TEST(Peaks, ABufferThatCannotBeHadIsAnError) {
  ThreadPool threads(1);
  EXPECT_EQ(MeasureReadBandwidth(threads, int64_t{1} << 60).status().code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(MeasurePeaks(1, {}, int64_t{1} << 60).status().code(), StatusCode::kResourceExhausted);
}

TEST(Peaks, ThreadCountsDoubleUpToTheMost) {
  const auto peaks = MeasurePeaks(3, {}, 8 * kMiB);
  ASSERT_TRUE(peaks.ok());
  ASSERT_EQ(peaks->size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*peaks)[i].n_threads, i + 1);
  EXPECT_EQ(MeasurePeaks(1, {}, 8 * kMiB)->size(), 1u);
}

}  // namespace
}  // namespace autoglm

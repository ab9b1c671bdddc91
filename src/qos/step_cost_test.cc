#include "qos/step_cost.h"

#include <gtest/gtest.h>

namespace autoglm {
namespace {

TEST(StepCost, KnowsNothingAtFirst) {
  const StepCost cost;
  EXPECT_TRUE(cost.empty());
  EXPECT_EQ(cost.PredictMs(8), 0);
}

TEST(StepCost, InterpolatesBetweenWhatWasSeen) {
  StepCost cost;
  cost.Observe(1, 20);
  cost.Observe(9, 28);
  EXPECT_NEAR(cost.PredictMs(1), 20, 1e-9);
  EXPECT_NEAR(cost.PredictMs(5), 24, 1e-9);
  EXPECT_NEAR(cost.PredictMs(9), 28, 1e-9);
}

TEST(StepCost, BeyondWhatWasSeenItIsInProportion) {
  StepCost cost;
  cost.Observe(4, 10);
  EXPECT_NEAR(cost.PredictMs(1), 2.5, 1e-9);
  EXPECT_NEAR(cost.PredictMs(8), 20, 1e-9);
}

TEST(StepCost, FollowsADeviceThatSlowsDown) {
  StepCost cost;
  for (int i = 0; i < 50; ++i) cost.Observe(1, 10);
  for (int i = 0; i < 50; ++i) cost.Observe(1, 20);
  EXPECT_NEAR(cost.PredictMs(1), 20, 0.2);
}

TEST(StepCost, OneOutlierMovesLittle) {
  StepCost cost;
  for (int i = 0; i < 20; ++i) cost.Observe(1, 10);
  cost.Observe(1, 5000);
  EXPECT_LE(cost.PredictMs(1), 12.01) << "a tenth of three times the mean, at most";
}

TEST(StepCost, FindsTheMostRowsWithinATime) {
  StepCost cost;
  for (int n : {1, 2, 4, 8, 16, 64, 256}) cost.Observe(n, 20 + n);
  EXPECT_EQ(cost.MaxRowsWithin(28, 256), 8);
  EXPECT_EQ(cost.MaxRowsWithin(1e9, 256), 256);
  EXPECT_EQ(cost.MaxRowsWithin(5, 256), 0);
  EXPECT_EQ(cost.MaxRowsWithin(28, 3), 3);
}

TEST(StepCost, IgnoresWhatIsNoMeasurement) {
  StepCost cost;
  cost.Observe(0, 5);
  cost.Observe(1, -1);
  EXPECT_TRUE(cost.empty());
}

}  // namespace
}  // namespace autoglm

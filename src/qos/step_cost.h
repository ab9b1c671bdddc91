// StepCost: what a step of so many rows costs, learnt from the steps that were made. Decoding is
// bound by reading the weights, so a second row costs little; a prefill of many rows is bound by
// arithmetic. No formula knows where a device changes from one to the other; the measurements do.
#pragma once

#include <array>

namespace autoglm {

/// A plain value; one thread at a time. Row counts fall into bins about a quarter apart, each
/// with an exponentially weighted mean (weight kWeight for a new sample); between bins the cost is
/// interpolated.
class StepCost {
 public:
  /// A step of `n_rows` (above 0) took `ms`. A sample far above its bin's mean counts as
  /// kOutlierFactor times the mean: a thread that lost its core once says nothing about the next
  /// step.
  void Observe(int n_rows, double ms);

  bool empty() const { return n_samples_ == 0; }

  /// What `n_rows` will take. Outside of the bins seen so far it is in proportion to the nearest:
  /// above them that is at most too high, below them it may be too low. 0 while nothing is known.
  double PredictMs(int n_rows) const;

  /// The most rows in [0, max_rows] that are predicted to stay within `ms`.
  int MaxRowsWithin(double ms, int max_rows) const;

 private:
  struct Bin {
    double n_rows = 0;
    double ms = 0;
    int n_samples = 0;
  };
  static constexpr int kNumBins = 64;
  static constexpr double kWeight = 0.1;
  static constexpr double kOutlierFactor = 3;

  static int BinOf(int n_rows);

  std::array<Bin, kNumBins> bins_;
  int n_samples_ = 0;
};

}  // namespace autoglm

// DrainRate: how much predicted work a device really does in a millisecond, over the recent past:
// above 1 where batching does several requests' work at once, below 1 where predictions were too
// low. With it a queue's length becomes a time.
#pragma once

#include <cstdint>

namespace autoglm {

/// A plain value. Work and busy time fade with a half-life of kHalfLifeMs of busy time.
class DrainRate {
 public:
  /// Since the last call `work_ms` of predicted work was done in `busy_ms` of time.
  void Observe(double work_ms, double busy_ms);
  /// Work done in a millisecond: 1 at first, and always above 0.
  double rate() const;

 private:
  static constexpr double kHalfLifeMs = 5000;
  // Begins as if it had worked for a while just as predicted.
  double work_ms_ = 500;
  double busy_ms_ = 500;
};

}  // namespace autoglm

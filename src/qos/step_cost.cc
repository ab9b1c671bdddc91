#include "qos/step_cost.h"

#include <algorithm>
#include <cmath>

namespace autoglm {

int StepCost::BinOf(int n_rows) {
  // 1, 2, 3, 4, then a bin for each quarter of a doubling.
  const int n = std::max(n_rows, 1);
  if (n <= 4) return n - 1;
  const int bin = 3 + static_cast<int>(std::lround(4 * (std::log2(n) - 2)));
  return std::min(bin, kNumBins - 1);
}

void StepCost::Observe(int n_rows, double ms) {
  if (n_rows < 1 || !(ms >= 0)) return;
  ++n_samples_;
  Bin& bin = bins_[static_cast<size_t>(BinOf(n_rows))];
  if (bin.n_samples == 0) {
    bin = {static_cast<double>(n_rows), ms, 1};
    return;
  }
  // The plain mean at first: one sample alone may have been an outlier.
  const double weight = std::max(kWeight, 1.0 / ++bin.n_samples);
  const double sample = std::min(ms, kOutlierFactor * bin.ms);
  bin.ms += weight * (sample - bin.ms);
  bin.n_rows += weight * (n_rows - bin.n_rows);
}

double StepCost::PredictMs(int n_rows) const {
  const Bin* below = nullptr;
  for (const Bin& bin : bins_) {
    if (bin.n_samples == 0) continue;
    if (bin.n_rows >= n_rows) {
      if (below == nullptr) return bin.ms * n_rows / bin.n_rows;
      const double share = (n_rows - below->n_rows) / (bin.n_rows - below->n_rows);
      return below->ms + share * (bin.ms - below->ms);
    }
    below = &bin;
  }
  return below == nullptr ? 0 : below->ms * n_rows / below->n_rows;
}

int StepCost::MaxRowsWithin(double ms, int max_rows) const {
  int low = 0;
  int high = std::max(max_rows, 0);
  while (low < high) {
    const int middle = high - (high - low) / 2;
    if (PredictMs(middle) <= ms) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

}  // namespace autoglm

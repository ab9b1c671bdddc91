// The choice within a budget: a knapsack with one item of each class, solved greedily on the convex
// hulls of the classes. Source: Sinha and Zoltners 1979, "The Multiple-Choice Knapsack Problem".
#include <algorithm>
#include <numeric>

#include "compress/mixed_types.h"

namespace autoglm {

namespace {

/// Indices of the options on the lower left convex hull, from small to large.
std::vector<size_t> Hull(const std::vector<TypeOption>& options) {
  std::vector<size_t> order(options.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const TypeOption &x = options[a], &y = options[b];
    return x.n_bytes != y.n_bytes ? x.n_bytes < y.n_bytes : x.loss < y.loss;
  });
  const auto gain_rate = [&](size_t from, size_t to) {
    return (options[from].loss - options[to].loss) /
           static_cast<double>(options[to].n_bytes - options[from].n_bytes);
  };
  std::vector<size_t> hull;
  for (const size_t next : order) {
    if (!hull.empty() && options[next].n_bytes == options[hull.back()].n_bytes) continue;
    if (!hull.empty() && options[next].loss >= options[hull.back()].loss) continue;
    while (hull.size() > 1 &&
           gain_rate(hull[hull.size() - 2], hull.back()) <= gain_rate(hull.back(), next)) {
      hull.pop_back();
    }
    hull.push_back(next);
  }
  return hull;
}

struct Step {
  size_t tensor;
  size_t from, to;  ///< options
  double rate;      ///< loss that is gained for a byte
};

}  // namespace

Result<std::vector<size_t>> ChooseWithinBudget(const std::vector<TensorOptions>& tensors,
                                               int64_t budget_bytes) {
  std::vector<size_t> chosen;
  std::vector<Step> steps;
  int64_t n_bytes = 0;
  for (size_t t = 0; t < tensors.size(); ++t) {
    const std::vector<TypeOption>& options = tensors[t].options;
    const std::vector<size_t> hull = Hull(options);
    chosen.push_back(hull[0]);
    n_bytes += options[hull[0]].n_bytes;
    for (size_t i = 1; i < hull.size(); ++i) {
      const TypeOption &from = options[hull[i - 1]], &to = options[hull[i]];
      steps.push_back({t, hull[i - 1], hull[i],
                       (from.loss - to.loss) / static_cast<double>(to.n_bytes - from.n_bytes)});
    }
  }
  if (n_bytes > budget_bytes) {
    return Error(StatusCode::kResourceExhausted, "the weights cannot be made smaller than ",
                 FormatBytes(static_cast<uint64_t>(n_bytes)), "; ",
                 FormatBytes(static_cast<uint64_t>(std::max<int64_t>(0, budget_bytes))),
                 " are left for them in the size that was asked for");
  }
  // Along a hull rates only fall, so that the steps of one tensor stay in their order.
  std::stable_sort(steps.begin(), steps.end(),
                   [](const Step& a, const Step& b) { return a.rate > b.rate; });
  for (const Step& step : steps) {
    if (chosen[step.tensor] != step.from) continue;  // the step before it did not fit
    const std::vector<TypeOption>& options = tensors[step.tensor].options;
    const int64_t more = options[step.to].n_bytes - options[step.from].n_bytes;
    if (n_bytes + more > budget_bytes) continue;
    n_bytes += more;
    chosen[step.tensor] = step.to;
  }
  return chosen;
}

}  // namespace autoglm

#include "kernels/attention_state.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace autoglm {

void AttentionState::Clear() const {
  std::fill_n(max_score, n_queries, -std::numeric_limits<float>::infinity());
  std::fill_n(weight_sum, n_queries, 0.0f);
  std::fill_n(accumulator, n_queries * stride, 0.0f);
}

void AttentionState::Merge(const AttentionState& part) const {
  for (int64_t i = 0; i < n_queries; ++i) {
    const float merged = std::max(max_score[i], part.max_score[i]);
    if (std::isinf(merged)) continue;  // neither has seen anything
    const float a = std::exp(max_score[i] - merged), b = std::exp(part.max_score[i] - merged);
    max_score[i] = merged;
    weight_sum[i] = weight_sum[i] * a + part.weight_sum[i] * b;
    float* sum = accumulator + i * stride;
    const float* other = part.accumulator + i * stride;
    for (int64_t k = 0; k < stride; ++k) sum[k] = sum[k] * a + other[k] * b;
  }
}

void AttentionState::Finish(const AttentionArgs& args) const {
  for (int64_t i = 0; i < n_queries; ++i) {
    const float* sum = accumulator + i * stride;
    float* out = args.out + i / args.group * args.out_stride + i % args.group * args.head_dim;
    const float inverse = 1.0f / weight_sum[i];
    for (int k = 0; k < args.head_dim; ++k) out[k] = sum[k] * inverse;
  }
}

void FinishAttention(const AttentionArgs& args, float* states, int n) {
  const int64_t n_queries = static_cast<int64_t>(args.n_rows) * args.group;
  const int64_t n_floats = AttentionStateFloats(args.head_dim, n_queries);
  const AttentionState total(states, n_queries, args.head_dim);
  for (int i = 1; i < n; ++i) {
    total.Merge(AttentionState(states + i * n_floats, n_queries, args.head_dim));
  }
  total.Finish(args);
}

}  // namespace autoglm

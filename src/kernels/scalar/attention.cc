#include "kernels/scalar/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/scalar/dot.h"
#include "quant/quant_format.h"

namespace autoglm {

namespace {

// Scratch, cut up; see AttentionScratchFloats.
struct Work {
  float* keys;         // [page_tokens][head_dim]
  float* values;       // [page_tokens][head_dim]
  float* scores;       // [page_tokens]
  float* max_score;    // [n_rows * group], running maximum
  float* weight_sum;   // [n_rows * group], running sum of exp(score - max)
  float* accumulator;  // [n_rows * group][head_dim], running sum of exp(score - max) * value
};

Work Cut(const AttentionArgs& args) {
  const int64_t tile = static_cast<int64_t>(args.page_tokens) * args.head_dim;
  const int64_t n_queries = static_cast<int64_t>(args.n_rows) * args.group;
  Work work;
  work.keys = args.scratch;
  work.values = work.keys + tile;
  work.scores = work.values + tile;
  work.max_score = work.scores + args.page_tokens;
  work.weight_sum = work.max_score + n_queries;
  work.accumulator = work.weight_sum + n_queries;
  return work;
}

// Takes positions [begin, end) of the decoded page into query `index`.
void Update(const AttentionArgs& args, const Work& work, int64_t index, const float* q, int begin,
            int end) {
  const int d = args.head_dim;
  float max_score = work.max_score[index];
  for (int i = begin; i < end; ++i) {
    float score = Dot(q, work.keys + i * d, d) * args.scale;
    if (args.softcap > 0) score = args.softcap * std::tanh(score / args.softcap);
    work.scores[i] = score;
    max_score = std::max(max_score, score);
  }
  float* acc = work.accumulator + index * d;
  if (max_score > work.max_score[index]) {
    const float shrink = std::exp(work.max_score[index] - max_score);
    work.max_score[index] = max_score;
    work.weight_sum[index] *= shrink;
    for (int k = 0; k < d; ++k) acc[k] *= shrink;
  }
  for (int i = begin; i < end; ++i) {
    const float weight = std::exp(work.scores[i] - max_score);
    work.weight_sum[index] += weight;
    const float* value = work.values + i * d;
    for (int k = 0; k < d; ++k) acc[k] += weight * value[k];
  }
}

}  // namespace

void ScalarAttention(const AttentionArgs& args) {
  const Work work = Cut(args);
  const int d = args.head_dim, page_tokens = args.page_tokens, window = args.sliding_window;
  const int64_t n_queries = static_cast<int64_t>(args.n_rows) * args.group;
  std::fill_n(work.max_score, n_queries, -std::numeric_limits<float>::infinity());
  std::fill_n(work.weight_sum, n_queries, 0.0f);
  std::fill_n(work.accumulator, n_queries * d, 0.0f);

  const auto first_seen = [&](int64_t position) {
    return window > 0 ? std::max<int64_t>(0, position - window + 1) : 0;
  };
  const auto decode = Format(args.kv_dtype).decode;
  const int64_t last_position = args.first_position + args.n_rows - 1;
  for (int64_t page = first_seen(args.first_position) / page_tokens;
       page <= last_position / page_tokens; ++page) {
    const int64_t base = page * page_tokens;
    const int64_t n = std::min<int64_t>(page_tokens, last_position + 1 - base);
    decode(args.pages[page] + args.key_offset, work.keys, n * d);
    decode(args.pages[page] + args.value_offset, work.values, n * d);
    for (int64_t r = 0; r < args.n_rows; ++r) {
      const int64_t position = args.first_position + r;
      const int64_t begin = std::max<int64_t>(0, first_seen(position) - base);
      const int64_t end = std::min<int64_t>(n, position + 1 - base);
      if (begin >= end) continue;
      for (int g = 0; g < args.group; ++g) {
        Update(args, work, r * args.group + g, args.q + r * args.q_stride + g * d,
               static_cast<int>(begin), static_cast<int>(end));
      }
    }
  }

  for (int64_t index = 0; index < n_queries; ++index) {
    const float* acc = work.accumulator + index * d;
    float* out = args.out + index / args.group * args.out_stride + index % args.group * d;
    const float inverse = 1.0f / work.weight_sum[index];
    for (int k = 0; k < d; ++k) out[k] = acc[k] * inverse;
  }
}

}  // namespace autoglm

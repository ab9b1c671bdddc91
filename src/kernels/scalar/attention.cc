#include "kernels/scalar/attention.h"

#include <algorithm>
#include <cmath>

#include "kernels/attention_state.h"
#include "kernels/scalar/dot.h"
#include "quant/quant_format.h"

namespace autoglm {

namespace {

// One page, decoded, and the scores of one query.
struct Work {
  float* keys;    // [page_tokens][head_dim]
  float* values;  // [page_tokens][head_dim]
  float* scores;  // [page_tokens]
};

// Takes positions [begin, end) of the page into query `index` of the state.
void Update(const AttentionArgs& args, const Work& work, const AttentionState& state, int64_t index,
            const float* q, int begin, int end) {
  const int d = args.head_dim;
  float max_score = state.max_score[index];
  for (int i = begin; i < end; ++i) {
    float score = Dot(q, work.keys + i * d, d) * args.scale;
    if (args.softcap > 0) score = args.softcap * std::tanh(score / args.softcap);
    work.scores[i] = score;
    max_score = std::max(max_score, score);
  }
  float* acc = state.accumulator + index * state.stride;
  if (max_score > state.max_score[index]) {
    const float shrink = std::exp(state.max_score[index] - max_score);
    state.max_score[index] = max_score;
    state.weight_sum[index] *= shrink;
    for (int k = 0; k < d; ++k) acc[k] *= shrink;
  }
  for (int i = begin; i < end; ++i) {
    const float weight = std::exp(work.scores[i] - max_score);
    state.weight_sum[index] += weight;
    const float* value = work.values + i * d;
    for (int k = 0; k < d; ++k) acc[k] += weight * value[k];
  }
}

}  // namespace

void ScalarAttention(const AttentionArgs& args) {
  const int d = args.head_dim, page_tokens = args.page_tokens;
  Work work;
  work.keys = args.scratch;
  work.values = work.keys + static_cast<int64_t>(page_tokens) * d;
  work.scores = work.values + static_cast<int64_t>(page_tokens) * d;
  const auto decode = Format(args.kv_dtype).decode;
  const int64_t last_position = args.first_position + args.n_rows - 1;
  ForAttentionChunks(
      args, work.scores + page_tokens,
      [&](const AttentionState& state, int64_t first_page, int64_t end_page) {
        for (int64_t page = first_page; page < end_page; ++page) {
          const int64_t base = page * page_tokens;
          const int64_t n = std::min<int64_t>(page_tokens, last_position + 1 - base);
          decode(args.pages[page] + args.key_offset, work.keys, n * d);
          decode(args.pages[page] + args.value_offset, work.values, n * d);
          for (int64_t r = 0; r < args.n_rows; ++r) {
            const int64_t position = args.first_position + r;
            const int64_t begin = std::max<int64_t>(0, FirstSeen(args, position) - base);
            const int64_t end = std::min<int64_t>(n, position + 1 - base);
            if (begin >= end) continue;
            for (int g = 0; g < args.group; ++g) {
              Update(args, work, state, r * args.group + g, args.q + r * args.q_stride + g * d,
                     static_cast<int>(begin), static_cast<int>(end));
            }
          }
        }
      });
}

}  // namespace autoglm

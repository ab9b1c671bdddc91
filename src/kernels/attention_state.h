// What attention knows of its queries between two chunks of positions: the running maximum and sum
// of online softmax (Milakov and Gimelshein 2018), and how the states of chunks become one.
#pragma once

#include <cstdint>

#include "kernels/kernels.h"

namespace autoglm {

/// A view of AttentionStateFloats(head_dim, n_queries) floats.
struct AttentionState {
  AttentionState(float* memory, int64_t n_queries, int head_dim)
      : n_queries(n_queries),
        stride(AttentionStride(head_dim)),
        max_score(memory),
        weight_sum(max_score + AttentionStride(n_queries)),
        accumulator(weight_sum + AttentionStride(n_queries)) {}

  /// Nothing seen yet.
  void Clear() const;
  /// Takes in what `part` has seen: positions behind those of this state.
  void Merge(const AttentionState& part) const;
  /// accumulator / weight_sum to args.out.
  void Finish(const AttentionArgs& args) const;

  int64_t n_queries;
  int64_t stride;      ///< floats between the rows of accumulator
  float* max_score;    ///< [n_queries], -infinity: nothing seen
  float* weight_sum;   ///< [n_queries], of exp(score - max_score)
  float* accumulator;  ///< [n_queries][stride], of exp(score - max_score) * value
};

/// Merges the states of `n` chunks, one behind the other in memory and in positions, and writes
/// args.out. The first state is used up.
void FinishAttention(const AttentionArgs& args, float* states, int n);

/// Runs `chunk(state, first page, end page)` over the chunks that `args` names and merges them.
template <typename F>
void ForAttentionChunks(const AttentionArgs& args, float* memory, F chunk) {
  const int64_t n_queries = static_cast<int64_t>(args.n_rows) * args.group;
  const int64_t n_floats = AttentionStateFloats(args.head_dim, n_queries);
  const AttentionState total(args.state == nullptr ? memory : args.state, n_queries, args.head_dim);
  const AttentionState part(memory + n_floats, n_queries, args.head_dim);
  const int64_t pages_per_chunk = kAttentionChunk / args.page_tokens;
  const int64_t end_page = (args.first_position + args.n_rows - 1) / args.page_tokens + 1;
  const int64_t first_page = FirstSeen(args, args.first_position) / args.page_tokens;
  total.Clear();
  for (int64_t i = args.first_chunk; i < args.first_chunk + args.n_chunks; ++i) {
    const int64_t begin = i * pages_per_chunk, end = begin + pages_per_chunk;
    const AttentionState& state = i == args.first_chunk ? total : part;
    if (&state == &part) part.Clear();
    chunk(state, begin > first_page ? begin : first_page, end < end_page ? end : end_page);
    if (&state == &part) total.Merge(part);
  }
  if (args.state == nullptr) total.Finish(args);
}

}  // namespace autoglm

// Attention; the contract is AttentionArgs. A page's keys are transposed, so that lanes are
// positions in the scores and elements of the head in the sums: both are products of float tiles,
// in which all queries of the tile share what is read of the cache. Include an instruction set's
// vec.h before.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/float16.h"
#include "kernels/attention_state.h"
#include "kernels/vector/elementwise.h"
#include "kernels/vector/float_linear.h"
#include "quant/blocks.h"

namespace autoglm {
namespace {

// Scratch, cut up; see AttentionScratchFloats.
struct AttentionWork {
  int64_t n_queries;
  int64_t stride;  // of head elements
  float* keys;     // [head_dim][page_tokens]
  float* values;   // [page_tokens][stride], zero where no position is
  float* q;        // [n_queries][head_dim], scaled
  float* scores;   // [n_queries][page_tokens]
  float* states;

  explicit AttentionWork(const AttentionArgs& args)
      : n_queries(static_cast<int64_t>(args.n_rows) * args.group),
        stride(AttentionStride(args.head_dim)),
        keys(args.scratch),
        values(keys + args.page_tokens * stride),
        q(values + args.page_tokens * stride),
        scores(q + n_queries * stride),
        states(scores + n_queries * args.page_tokens) {}
};

inline float HalfAt(const std::byte* p) {
  uint16_t half;
  __builtin_memcpy(&half, p, sizeof(half));
  return HalfToFloat(half);
}

// A stored row of n elements, a multiple of 32 for Q8_0, as floats.
inline void DecodeKvRow(DType dtype, const std::byte* row, int64_t n, float* out) {
  if (dtype == DType::kF32) {
    __builtin_memcpy(out, row, static_cast<size_t>(n) * sizeof(float));
  } else if (dtype == DType::kQ8_0) {
    for (int64_t i = 0; i < n; i += BlockQ8_0::kElements, row += sizeof(BlockQ8_0)) {
      const F32 d = SplatF(HalfAt(row + offsetof(BlockQ8_0, d)));
      const std::byte* q = row + offsetof(BlockQ8_0, qs);
      for (int k = 0; k < BlockQ8_0::kElements; k += kLanes) {
        StoreF(out + i + k, Mul(d, LoadBytesAsFloat(q + k)));
      }
    }
  } else {
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) StoreF(out + i, LoadHalves(row + 2 * i));
    for (; i < n; ++i) out[i] = HalfAt(row + 2 * i);
  }
}

// Positions [0, n) of a page; those behind repeat a key and have zeros as values.
inline void DecodeKvPage(const AttentionArgs& args, const AttentionWork& work,
                         const std::byte* page, int n) {
  const int d = args.head_dim, page_tokens = args.page_tokens;
  const int64_t row_bytes = RowBytes(args.kv_dtype, d);
  const std::byte* keys = page + args.key_offset;
  const auto transpose = [&]<typename U>(U, const std::byte* rows, int64_t stride_bytes) {
    for (int at = 0; at < n; at += kLanes) {
      UnpackColumns<U>(rows + at * stride_bytes, stride_bytes,
                       static_cast<int>(Smaller(kLanes, n - at)), d, work.keys + at, page_tokens);
    }
  };
  if (args.kv_dtype == DType::kF16) {
    transpose(UnpackF16(), keys, row_bytes);
  } else if (args.kv_dtype == DType::kF32) {
    transpose(UnpackF32(), keys, row_bytes);
  } else {
    for (int i = 0; i < n; ++i) {
      DecodeKvRow(args.kv_dtype, keys + i * row_bytes, d, work.values + i * work.stride);
    }
    transpose(UnpackF32(), reinterpret_cast<const std::byte*>(work.values),
              work.stride * static_cast<int64_t>(sizeof(float)));
  }
  for (int i = 0; i < page_tokens; ++i) {
    float* value = work.values + i * work.stride;
    if (i < n) {
      DecodeKvRow(args.kv_dtype, page + args.value_offset + i * row_bytes, d, value);
    }
    for (int64_t k = i < n ? d : 0; k < work.stride; ++k) value[k] = 0;
  }
}

// y[t][...] (+)= sum over k < n of w[k][...] * x[t][k] for `width` floats, a multiple of kLanes.
inline void FloatProduct(const float* w, int64_t width, int64_t n, const float* x, int64_t x_stride,
                         int64_t n_tokens, float* y, int64_t y_stride, bool first) {
  int64_t at = 0;
  for (; at + kGemmPanels * kLanes <= width; at += kGemmPanels * kLanes) {
    FloatTokens<kGemmPanels>(w + at, width, n, x, x_stride, n_tokens, y + at, y_stride, kLanes,
                             first);
  }
  for (; at < width; at += kLanes) {
    FloatTokens<1>(w + at, width, n, x, x_stride, n_tokens, y + at, y_stride, kLanes, first);
  }
}

// Scores of positions [begin, end) of a page to weights exp(score - max), the others' to zero.
inline void UpdateQuery(const AttentionArgs& args, const AttentionState& state, int64_t index,
                        int64_t begin, int64_t end, float* scores) {
  const int page_tokens = args.page_tokens;
  const bool partial = begin > 0 || end < page_tokens;
  const auto mask = [&](float value) {
    for (int64_t i = 0; partial && i < page_tokens; ++i) {
      if (i < begin || i >= end) scores[i] = value;
    }
  };
  if (begin >= end) return mask(0);
  F32 largest = SplatF(state.max_score[index]);
  if (args.softcap > 0) {
    for (int i = 0; i < page_tokens; i += kLanes) {
      const F32 x = Mul(LoadF(scores + i), SplatF(1 / args.softcap));
      StoreF(scores + i, Mul(SplatF(args.softcap), Tanh(x)));
    }
  }
  mask(-__builtin_inff());
  for (int i = 0; i < page_tokens; i += kLanes) largest = Max(largest, LoadF(scores + i));
  const float max_score = MaxOf(largest);
  F32 sum = ZeroF();
  for (int i = 0; i < page_tokens; i += kLanes) {
    StoreF(scores + i, Exp(Sub(LoadF(scores + i), SplatF(max_score))));
  }
  mask(0);
  for (int i = 0; i < page_tokens; i += kLanes) sum = Add(sum, LoadF(scores + i));
  if (max_score > state.max_score[index]) {
    const float difference = state.max_score[index] - max_score;
    const float shrink = difference < -87 ? 0 : SumOf(Exp(SplatF(difference))) / kLanes;
    state.max_score[index] = max_score;
    state.weight_sum[index] *= shrink;
    float* acc = state.accumulator + index * state.stride;
    for (int64_t k = 0; k < state.stride; k += kLanes) {
      StoreF(acc + k, Mul(LoadF(acc + k), SplatF(shrink)));
    }
  }
  state.weight_sum[index] += SumOf(sum);
}

inline void AttentionPage(const AttentionArgs& args, const AttentionWork& work,
                          const AttentionState& state, int64_t page) {
  const int page_tokens = args.page_tokens;
  const int64_t base = page * page_tokens;
  const int64_t last_position = args.first_position + args.n_rows - 1;
  const int64_t n = Smaller(page_tokens, last_position + 1 - base);
  DecodeKvPage(args, work, args.pages[page], static_cast<int>(n));
  FloatProduct(work.keys, page_tokens, args.head_dim, work.q, args.head_dim, work.n_queries,
               work.scores, page_tokens, true);
  for (int64_t r = 0; r < args.n_rows; ++r) {
    const int64_t position = args.first_position + r;
    const int64_t begin = FirstSeen(args, position) - base;
    for (int64_t i = r * args.group; i < (r + 1) * args.group; ++i) {
      UpdateQuery(args, state, i, begin, position + 1 - base, work.scores + i * page_tokens);
    }
  }
  FloatProduct(work.values, work.stride, n, work.scores, page_tokens, work.n_queries,
               state.accumulator, state.stride, false);
}

inline void Attention(const AttentionArgs& args) {
  const AttentionWork work(args);
  for (int64_t i = 0; i < work.n_queries; ++i) {
    const float* q = args.q + i / args.group * args.q_stride + i % args.group * args.head_dim;
    float* scaled = work.q + i * args.head_dim;
    for (int k = 0; k < args.head_dim; ++k) scaled[k] = q[k] * args.scale;
  }
  ForAttentionChunks(args, work.states,
                     [&](const AttentionState& state, int64_t first_page, int64_t end_page) {
                       for (int64_t page = first_page; page < end_page; ++page) {
                         AttentionPage(args, work, state, page);
                       }
                     });
}

}  // namespace
}  // namespace autoglm

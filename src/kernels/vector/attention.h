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

// Scratch, cut up; see AttentionScratchFloats. What the elements of keys and values are is up to
// the arithmetic, FloatAttention or another.
struct AttentionWork {
  int64_t n_queries;
  int64_t stride;  // of head elements
  float* keys;     // [head_dim][kAttentionBlock]
  float* values;   // [kAttentionBlock][stride], zero where no position is
  float* q;        // [n_queries][head_dim], scaled
  float* scores;   // [n_queries][kAttentionBlock]
  float* states;

  explicit AttentionWork(const AttentionArgs& args)
      : n_queries(static_cast<int64_t>(args.n_rows) * args.group),
        stride(AttentionStride(args.head_dim)),
        keys(args.scratch),
        values(keys + kAttentionBlock * stride),
        q(values + kAttentionBlock * stride),
        scores(q + n_queries * stride),
        states(scores + n_queries * kAttentionBlock) {}
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

// y[t][...] (+)= sum over k < n of w[k][...] * x[t][k] for `width` floats, a multiple of kLanes, of
// the rows of w, which are w_stride apart. Tokens are shared out evenly over register tiles.
template <int kT = kGemmTokens>
inline void FloatProduct(const float* w, int64_t w_stride, int64_t width, int64_t n, const float* x,
                         int64_t x_stride, int64_t n_tokens, float* y, int64_t y_stride,
                         bool first) {
  if constexpr (kT > 1) {
    if (const int64_t n_tiles = (n_tokens + kT - 1) / kT; n_tiles * (kT - 1) >= n_tokens) {
      return FloatProduct<kT - 1>(w, w_stride, width, n, x, x_stride, n_tokens, y, y_stride, first);
    }
  }
  int64_t at = 0;
  for (; at + kGemmPanels * kLanes <= width; at += kGemmPanels * kLanes) {
    FloatTokens<kGemmPanels, kT>(w + at, w_stride, n, x, x_stride, n_tokens, y + at, y_stride,
                                 kLanes, first);
  }
  for (; at < width; at += kLanes) {
    FloatTokens<1, kT>(w + at, w_stride, n, x, x_stride, n_tokens, y + at, y_stride, kLanes, first);
  }
}

// Attention in float32.
struct FloatAttention {
  static constexpr int kExpDegree = 7;

  static void SetQuery(const AttentionArgs& args, const float* q, int64_t i, float* out) {
    for (int k = 0; k < args.head_dim; ++k) out[i * args.head_dim + k] = q[k] * args.scale;
  }

  // Positions [0, n) of a page to [at, at + page_tokens) of the block; those behind repeat a key
  // and have zeros as values.
  static void DecodePage(const AttentionArgs& args, const AttentionWork& work,
                         const std::byte* page, int at, int n) {
    const int d = args.head_dim;
    const int64_t row_bytes = RowBytes(args.kv_dtype, d);
    const std::byte* keys = page + args.key_offset;
    float* const values = work.values + at * work.stride;
    const auto transpose = [&]<typename U>(U, const std::byte* rows, int64_t stride_bytes) {
      for (int i = 0; i < n; i += kLanes) {
        UnpackColumns<U>(rows + i * stride_bytes, stride_bytes,
                         static_cast<int>(Smaller(kLanes, n - i)), d, work.keys + at + i,
                         kAttentionBlock);
      }
    };
    if (args.kv_dtype == DType::kF16) {
      transpose(UnpackF16(), keys, row_bytes);
    } else if (args.kv_dtype == DType::kF32) {
      transpose(UnpackF32(), keys, row_bytes);
    } else {
      for (int i = 0; i < n; ++i) {
        DecodeKvRow(args.kv_dtype, keys + i * row_bytes, d, values + i * work.stride);
      }
      transpose(UnpackF32(), reinterpret_cast<const std::byte*>(values),
                work.stride * static_cast<int64_t>(sizeof(float)));
    }
    for (int i = 0; i < args.page_tokens; ++i) {
      float* value = values + i * work.stride;
      if (i < n) {
        DecodeKvRow(args.kv_dtype, page + args.value_offset + i * row_bytes, d, value);
      }
      for (int64_t k = i < n ? d : 0; k < work.stride; ++k) value[k] = 0;
    }
  }

  static void Scores(const AttentionArgs& args, const AttentionWork& work, int64_t width) {
    FloatProduct(work.keys, kAttentionBlock, width, args.head_dim, work.q, args.head_dim,
                 work.n_queries, work.scores, kAttentionBlock, true);
  }

  static void AddValues(const AttentionWork& work, int64_t width, const AttentionState& state) {
    FloatProduct(work.values, work.stride, work.stride, width, work.scores, kAttentionBlock,
                 work.n_queries, state.accumulator, state.stride, false);
  }
};

// Scores [width] of positions [begin, end) to weights exp(score - max), the others' to zero.
template <typename Math>
inline void UpdateQuery(const AttentionArgs& args, const AttentionState& state, int64_t index,
                        int64_t begin, int64_t end, int64_t width, float* scores) {
  begin = begin > 0 ? begin : 0;
  end = Smaller(end, width);
  if (begin >= end) {  // none of them
    for (int64_t i = 0; i < width; ++i) scores[i] = 0;
    return;
  }
  const auto mask = [&](float value) {
    for (int64_t i = 0; i < begin; ++i) scores[i] = value;
    for (int64_t i = end; i < width; ++i) scores[i] = value;
  };
  if (args.softcap > 0) {
    for (int i = 0; i < width; i += kLanes) {
      const F32 x = Mul(LoadF(scores + i), SplatF(1 / args.softcap));
      StoreF(scores + i, Mul(SplatF(args.softcap), Tanh(x)));
    }
  }
  mask(-__builtin_inff());
  F32 largest = SplatF(state.max_score[index]);
  for (int i = 0; i < width; i += kLanes) largest = Max(largest, LoadF(scores + i));
  const float max_score = MaxOf(largest);
  for (int i = 0; i < width; i += kLanes) {
    StoreF(scores + i, Exp<Math::kExpDegree>(Sub(LoadF(scores + i), SplatF(max_score))));
  }
  mask(0);
  F32 sum = ZeroF();
  for (int i = 0; i < width; i += kLanes) sum = Add(sum, LoadF(scores + i));
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

// Pages [first, end) of a block.
template <typename Math>
void AttendBlock(const AttentionArgs& args, const AttentionWork& work, const AttentionState& state,
                 int64_t first, int64_t end) {
  const int64_t base = first * args.page_tokens;
  const int64_t n = args.first_position + args.n_rows - base;
  for (int64_t page = first; page < end; ++page) {
    const int64_t at = (page - first) * args.page_tokens;
    Math::DecodePage(args, work, args.pages[page], static_cast<int>(at),
                     static_cast<int>(Smaller(args.page_tokens, n - at)));
  }
  const int64_t width = (end - first) * args.page_tokens;
  Math::Scores(args, work, width);
  for (int64_t r = 0; r < args.n_rows; ++r) {
    const int64_t position = args.first_position + r;
    const int64_t begin = FirstSeen(args, position) - base;
    for (int64_t i = r * args.group; i < (r + 1) * args.group; ++i) {
      UpdateQuery<Math>(args, state, i, begin, position + 1 - base, width,
                        work.scores + i * kAttentionBlock);
    }
  }
  Math::AddValues(work, width, state);
}

template <typename Math>
void AttentionWith(const AttentionArgs& args) {
  const AttentionWork work(args);
  for (int64_t i = 0; i < work.n_queries; ++i) {
    const float* q = args.q + i / args.group * args.q_stride + i % args.group * args.head_dim;
    Math::SetQuery(args, q, i, work.q);
  }
  const int64_t n_block_pages = kAttentionBlock / args.page_tokens;
  ForAttentionChunks(args, work.states,
                     [&](const AttentionState& state, int64_t first_page, int64_t end_page) {
                       while (first_page < end_page) {
                         const int64_t next = (first_page / n_block_pages + 1) * n_block_pages;
                         AttendBlock<Math>(args, work, state, first_page, Smaller(next, end_page));
                         first_page = next;
                       }
                     });
}

inline void Attention(const AttentionArgs& args) { AttentionWith<FloatAttention>(args); }

}  // namespace
}  // namespace autoglm

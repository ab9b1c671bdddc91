// Attention with products of bfloat16. The dot instruction multiplies pairs: two elements of the
// head in the scores, two positions in the sums. Include avx512vnni/vec.h before.
#pragma once

#include <cstdint>

#include "kernels/vector/attention.h"

namespace autoglm {
namespace {

// 16 elements rounded to bfloat16, one in each half lane.
inline __m256i Bf16Of(F32 x) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)); }

// y[t][r * kLanes + lane] += sum over pairs k < n of the two products of w[k][r * kLanes + lane]
// and x[t][k]. Strides in pairs, of y in floats.
template <int kR, int kT>
inline void PairTile(const uint32_t* w, int64_t w_stride, int64_t n, const uint32_t* x,
                     int64_t x_stride, float* y, int64_t y_stride, bool first) {
  F32 sums[kT][kR];
  for (int t = 0; t < kT; ++t) {
    for (int r = 0; r < kR; ++r) {
      sums[t][r] = first ? ZeroF() : LoadF(y + t * y_stride + r * kLanes);
    }
  }
  for (int64_t k = 0; k < n; ++k) {
    __m512bh column[kR];
    AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) {
      column[r] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(w + k * w_stride + r * kLanes));
    }
    AUTOGLM_UNROLL for (int t = 0; t < kT; ++t) {
      const __m512bh pair =
          reinterpret_cast<__m512bh>(SplatI(static_cast<int32_t>(x[t * x_stride + k])));
      AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) {
        sums[t][r] = _mm512_dpbf16_ps(sums[t][r], column[r], pair);
      }
    }
  }
  for (int t = 0; t < kT; ++t) {
    for (int r = 0; r < kR; ++r) StoreF(y + t * y_stride + r * kLanes, sums[t][r]);
  }
}

template <int kR, int kT>
inline void PairTokens(const uint32_t* w, int64_t w_stride, int64_t n, const uint32_t* x,
                       int64_t x_stride, int64_t n_tokens, float* y, int64_t y_stride, bool first) {
  for (; n_tokens >= kT; n_tokens -= kT, x += kT * x_stride, y += kT * y_stride) {
    PairTile<kR, kT>(w, w_stride, n, x, x_stride, y, y_stride, first);
  }
  if constexpr (kT > 1) {
    if (n_tokens > 0) {
      PairTokens<kR, kT - 1>(w, w_stride, n, x, x_stride, n_tokens, y, y_stride, first);
    }
  }
}

// As FloatProduct.
template <int kT = kGemmTokens>
inline void PairProduct(const uint32_t* w, int64_t w_stride, int64_t width, int64_t n,
                        const uint32_t* x, int64_t x_stride, int64_t n_tokens, float* y,
                        int64_t y_stride, bool first) {
  if constexpr (kT > 1) {
    if (const int64_t n_tiles = (n_tokens + kT - 1) / kT; n_tiles * (kT - 1) >= n_tokens) {
      return PairProduct<kT - 1>(w, w_stride, width, n, x, x_stride, n_tokens, y, y_stride, first);
    }
  }
  for (int64_t at = 0; at < width; at += 2 * kLanes) {
    PairTokens<2, kT>(w + at, w_stride, n, x, x_stride, n_tokens, y + at, y_stride, first);
  }
}

// Elements [i, i + kLanes) of a stored row, F16 or Q8_0.
inline F32 LoadKv(DType dtype, const std::byte* row, int64_t i) {
  if (dtype == DType::kF16) return LoadHalves(row + 2 * i);
  const std::byte* block = row + i / BlockQ8_0::kElements * sizeof(BlockQ8_0);
  const F32 d = SplatF(HalfAt(block + offsetof(BlockQ8_0, d)));
  return Mul(d, LoadBytesAsFloat(block + offsetof(BlockQ8_0, qs) + i % BlockQ8_0::kElements));
}

// AttentionWork's arrays in pairs: keys [head_dim / 2][kAttentionBlock], values
// [kAttentionBlock / 2][stride], q [n_queries][head_dim / 2], and the weights, which take the place
// of the scores, [n_queries][kAttentionBlock / 2].
struct Bf16Attention {
  static constexpr int kExpDegree = 4;

  static uint32_t* Pairs(float* p) { return reinterpret_cast<uint32_t*>(p); }
  static void Store(void* p, __m256i x) { _mm256_storeu_si256(static_cast<__m256i*>(p), x); }

  static void SetQuery(const AttentionArgs& args, const float* q, int64_t i, float* out) {
    uint32_t* pairs = Pairs(out) + i * args.head_dim / 2;
    for (int k = 0; k < args.head_dim; k += kLanes) {
      Store(pairs + k / 2, Bf16Of(Mul(LoadF(q + k), SplatF(args.scale))));
    }
  }

  static void DecodePage(const AttentionArgs& args, const AttentionWork& work,
                         const std::byte* page, int at, int n) {
    const int d = args.head_dim;
    const int64_t row_bytes = RowBytes(args.kv_dtype, d);
    const std::byte* keys = page + args.key_offset;
    // Rounded rows of kLanes keys, then their pairs transposed like columns of floats. The values
    // take half of their memory.
    uint32_t* const rows = Pairs(work.values) + kAttentionBlock / 2 * work.stride;
    for (int i = 0; i < n; i += kLanes) {
      const int n_rows = static_cast<int>(Smaller(kLanes, n - i));
      for (int r = 0; r < n_rows; ++r) {
        for (int k = 0; k < d; k += kLanes) {
          Store(rows + (r * d + k) / 2,
                Bf16Of(LoadKv(args.kv_dtype, keys + (i + r) * row_bytes, k)));
        }
      }
      UnpackColumns<UnpackF32>(reinterpret_cast<const std::byte*>(rows), 2 * d, n_rows, d / 2,
                               work.keys + at + i, kAttentionBlock);
    }
    const std::byte* values = page + args.value_offset;
    for (int i = 0; i < args.page_tokens; i += 2) {
      uint32_t* pairs = Pairs(work.values) + (at + i) / 2 * work.stride;
      for (int k = 0; k < d; k += kLanes) {
        const auto value = [&](int j) {
          return j < n ? Bf16Of(LoadKv(args.kv_dtype, values + j * row_bytes, k))
                       : _mm256_setzero_si256();
        };
        const I32 low = _mm512_cvtepu16_epi32(value(i)), high = _mm512_cvtepu16_epi32(value(i + 1));
        StoreU8(pairs + k, OrI(low, ShiftLeft(high, 16)));
      }
    }
  }

  static void Scores(const AttentionArgs& args, const AttentionWork& work, int64_t width) {
    PairProduct(Pairs(work.keys), kAttentionBlock, width, args.head_dim / 2, Pairs(work.q),
                args.head_dim / 2, work.n_queries, work.scores, kAttentionBlock, true);
  }

  static void AddValues(const AttentionWork& work, int64_t width, const AttentionState& state) {
    for (int64_t i = 0; i < work.n_queries; ++i) {
      float* weights = work.scores + i * kAttentionBlock;
      for (int64_t k = 0; k < width; k += kLanes) {
        Store(Pairs(weights) + k / 2, Bf16Of(LoadF(weights + k)));
      }
    }
    PairProduct(Pairs(work.values), work.stride, work.stride, width / 2, Pairs(work.scores),
                kAttentionBlock, work.n_queries, state.accumulator, state.stride, false);
  }
};

inline void Bf16OrFloatAttention(const AttentionArgs& args) {
  if (TakesBf16Attention(args.kv_dtype, args.head_dim)) {
    AttentionWith<Bf16Attention>(args);
  } else {
    AttentionWith<FloatAttention>(args);
  }
}

}  // namespace
}  // namespace autoglm

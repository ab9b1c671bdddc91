// The matrix product of float weights with float32 activations. Include an instruction set's vec.h
// before.
//
// Lanes are rows; each row's products are fused into one running sum in the order of columns,
// whatever rows and tokens share the call. A few rows of a few hundred columns are unpacked to
// float32, interleaved, and multiplied with all tokens.
#pragma once

#include "kernels/kernels.h"
#include "kernels/vector/int8_linear.h"

namespace autoglm {
namespace {

inline constexpr int kFloatColumns = 256;  // of an unpacked tile: kGemmPanels * 16 KB, at most

// How 16 bytes of a row become floats: kPerLane of them from each four bytes.
struct UnpackF32 {
  static constexpr int kBytes = 4, kPerLane = 1;
  static void Unpack(I32 x, F32* out) { out[0] = AsFloat(x); }
};
struct UnpackF16 {
  static constexpr int kBytes = 2, kPerLane = 2;
  static void Unpack(I32 x, F32* out) {
    out[0] = LowHalfToFloat(x);
    out[1] = HighHalfToFloat(x);
  }
};
struct UnpackBF16 {
  static constexpr int kBytes = 2, kPerLane = 2;
  static void Unpack(I32 x, F32* out) {
    out[0] = AsFloat(ShiftLeft(x, 16));
    out[1] = AsFloat(AndI(x, SplatI(static_cast<int32_t>(0xFFFF0000u))));
  }
};

// The 16 bytes at column c of kLanes rows, row_bytes apart, of which n elements exist: columns[i]
// is element c + i of every row. Of rows and of bytes that do not exist nothing is read; their
// lanes repeat the last row.
template <typename U>
inline void UnpackStep(const std::byte* first, int64_t row_bytes, int n_rows, int64_t c, int64_t n,
                       F32 (&columns)[16 / U::kBytes]) {
  alignas(16) std::byte stage[kLanes * 16];
  Rows rows(first + c * U::kBytes, row_bytes);
  if (n_rows < kLanes || n < 16 / U::kBytes) {
    for (int r = 0; r < kLanes; ++r) {
      __builtin_memcpy(stage + 16 * r, first + Smaller(r, n_rows - 1) * row_bytes + c * U::kBytes,
                       static_cast<size_t>(n * U::kBytes));
    }
    rows = Rows(stage, 16);
  }
  U8 groups[4];
  I32 lanes[4];
  for (int g = 0; g < 4; ++g) groups[g] = LoadRows(rows, g, 0);
  Transpose(groups, lanes);
  for (int i = 0; i < 4; ++i) U::Unpack(lanes[i], columns + i * U::kPerLane);
}

// Columns [0, n) of kLanes rows as out[column * stride + row]; see UnpackStep.
template <typename U>
void UnpackColumns(const std::byte* first, int64_t row_bytes, int n_rows, int64_t n, float* out,
                   int64_t stride) {
  constexpr int kPerStep = 16 / U::kBytes;
  for (int64_t c = 0; c < n; c += kPerStep) {
    const int64_t n_here = Smaller(kPerStep, n - c);
    F32 columns[kPerStep];
    UnpackStep<U>(first, row_bytes, n_rows, c, n_here, columns);
    for (int64_t i = 0; i < n_here; ++i) StoreF(out + (c + i) * stride, columns[i]);
  }
}

// y[t][r * kLanes + lane] += sum over k < n of w[k * w_stride + r * kLanes + lane] * x[t][k].
template <int kR, int kT>
inline void FloatTile(const float* w, int64_t w_stride, int64_t n, const float* x, int64_t x_stride,
                      float* y, int64_t y_stride, int n_last, bool first) {
  F32 sums[kT][kR];
  for (int t = 0; t < kT; ++t) {
    for (int r = 0; r < kR; ++r) {
      const float* at = y + t * y_stride + r * kLanes;
      sums[t][r] = first ? ZeroF() : (r + 1 < kR ? LoadF(at) : LoadFirst(at, n_last));
    }
  }
  for (int64_t k = 0; k < n; ++k) {
    F32 column[kR];
    AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) column[r] = LoadF(w + k * w_stride + r * kLanes);
    AUTOGLM_UNROLL for (int t = 0; t < kT; ++t) {
      const F32 value = SplatF(x[t * x_stride + k]);
      AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) sums[t][r] = Fma(column[r], value, sums[t][r]);
    }
  }
  for (int t = 0; t < kT; ++t) {
    for (int r = 0; r < kR; ++r) {
      StoreRows(y + t * y_stride + r * kLanes, sums[t][r], r + 1 < kR ? kLanes : n_last);
    }
  }
}

// The same for any number of tokens.
template <int kR, int kT = kGemmTokens>
inline void FloatTokens(const float* w, int64_t w_stride, int64_t n, const float* x,
                        int64_t x_stride, int64_t n_tokens, float* y, int64_t y_stride, int n_last,
                        bool first) {
  for (; n_tokens >= kT; n_tokens -= kT, x += kT * x_stride, y += kT * y_stride) {
    FloatTile<kR, kT>(w, w_stride, n, x, x_stride, y, y_stride, n_last, first);
  }
  if constexpr (kT > 1) {
    if (n_tokens > 0) {
      FloatTokens<kR, kT - 1>(w, w_stride, n, x, x_stride, n_tokens, y, y_stride, n_last, first);
    }
  }
}

// One token: what is unpacked is used at once. `next` as in GemvPanel.
template <typename U, int kR>
void FloatGemvRows(const LinearArgs& args, int64_t row, int n_last, const std::byte* next) {
  constexpr int kPerStep = 16 / U::kBytes;
  const int64_t row_bytes = args.cols * U::kBytes;
  const float* x = reinterpret_cast<const float*>(args.x);
  F32 sums[kR];
  for (F32& sum : sums) sum = ZeroF();
  for (int64_t c = 0; c < args.cols; c += kPerStep) {
    const int64_t n = Smaller(kPerStep, args.cols - c);
    if (next != nullptr) {
      Fetch(next, kR * kLanes * 16);
      next += kR * kLanes * 16;
    }
    F32 columns[kR][kPerStep];
    AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) {
      UnpackStep<U>(args.weights + (row + r * kLanes) * row_bytes, row_bytes,
                    r + 1 < kR ? kLanes : n_last, c, n, columns[r]);
    }
    for (int64_t i = 0; i < n; ++i) {
      const F32 value = SplatF(x[c + i]);
      AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) sums[r] = Fma(columns[r][i], value, sums[r]);
    }
  }
  for (int r = 0; r < kR; ++r) {
    StoreRows(args.y + row + r * kLanes, sums[r], r + 1 < kR ? kLanes : n_last);
  }
}

template <typename U, int kR>
void FloatRows(const LinearArgs& args, int64_t row, int n_last) {
  constexpr int64_t kStride = kR * kLanes;
  const int64_t row_bytes = args.cols * U::kBytes;
  if (args.n_tokens == 1) {
    return FloatGemvRows<U, kR>(args, row, n_last, FetchFrom(args, row, kR * kLanes, row_bytes));
  }
  for (int64_t c = 0; c < args.cols; c += kFloatColumns) {
    const int64_t n = Smaller(kFloatColumns, args.cols - c);
    for (int r = 0; r < kR; ++r) {
      UnpackColumns<U>(args.weights + (row + r * kLanes) * row_bytes + c * U::kBytes, row_bytes,
                       r + 1 < kR ? kLanes : n_last, n, args.scratch + r * kLanes, kStride);
    }
    FloatTokens<kR>(args.scratch, kStride, n, reinterpret_cast<const float*>(args.x) + c,
                    args.x_stride / static_cast<int64_t>(sizeof(float)), args.n_tokens,
                    args.y + row, args.y_stride, n_last, c == 0);
  }
}

template <typename U>
void FloatMultiply(const LinearArgs& args) {
  int64_t row = 0;
  for (; row + (kGemmPanels - 1) * kLanes < args.n_rows; row += kGemmPanels * kLanes) {
    const int64_t last = Smaller(kLanes, args.n_rows - row - (kGemmPanels - 1) * kLanes);
    FloatRows<U, kGemmPanels>(args, row, static_cast<int>(last));
  }
  if constexpr (kGemmPanels > 1) {
    for (; row < args.n_rows; row += kLanes) {
      FloatRows<U, 1>(args, row, static_cast<int>(Smaller(kLanes, args.n_rows - row)));
    }
  }
}

template <typename U>
LinearKernel FloatLinear() {
  return {.row_multiple = kGemmPanels * kLanes,
          .prepared_bytes = [](int64_t cols) -> int64_t {
            return cols * static_cast<int64_t>(sizeof(float));
          },
          .prepare = nullptr,
          .scratch_floats = [](int64_t) -> int64_t { return kGemmPanels * kLanes * kFloatColumns; },
          .multiply = FloatMultiply<U>};
}

}  // namespace
}  // namespace autoglm

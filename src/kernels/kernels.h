// The contracts of the CPU kernels, and the table by which they are reached. kernels/scalar is the
// truth; an instruction-set folder overlays the entries that it improves (isas.inc).
//
// All kernels work on one tile for one thread, take scratch memory from the caller and allocate
// nothing. Unless said otherwise pointers need no alignment beyond their type's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "quant/encoder_loops.h"
#include "tensor/dtype.h"

namespace autoglm {

/// Rows of a weight matrix times activations: y[t * y_stride + r] = sum_c w[r][c] * x[t][c].
struct LinearArgs {
  DType dtype;               ///< of the weights
  const std::byte* weights;  ///< n_rows rows of `cols` elements, stored form, no gaps
  int64_t n_rows;
  int64_t cols;
  const std::byte* x;  ///< n_tokens rows in the kernel's prepared form
  int64_t x_stride;    ///< bytes between them: prepared_bytes(cols)
  int64_t n_tokens;
  float* y;
  int64_t y_stride;  ///< in elements
  float* scratch;    ///< scratch_floats(cols), aligned to Buffer::kAlignment
  /// Where the caller's next rows of weights probably are, of this type and width: a hint to fetch
  /// the first of them ahead. Null: not known.
  const std::byte* next = nullptr;
};

/// One entry a weight type, so that how activations are prepared always fits how weights are read.
/// A row's result is the same bits whatever rows and tokens share its call. Tolerance against
/// float64 on dequantized weights: where activations stay float32, 1e-6 * sqrt(cols) of
/// sum |w * x|; where they become int8 in blocks of 32, what follows from rounding each of them by
/// at most half a step, max |x| / 254 of its block.
struct LinearKernel {
  /// A tile of rows costs least where its size is a multiple of this; any size is right.
  int row_multiple;
  int64_t (*prepared_bytes)(int64_t cols);
  /// Turns one row of float32 activations into the form that `multiply` reads. Null: float32 as it
  /// is (then prepared_bytes is 4 * cols).
  void (*prepare)(const float* x, int64_t cols, std::byte* out);
  int64_t (*scratch_floats)(int64_t cols);
  void (*multiply)(const LinearArgs& args);
};

/// Causal attention of a run of rows of one sequence, for one key-value head and the `group` query
/// heads that share it. Online softmax over pages in order (Milakov and Gimelshein 2018), chunk by
/// chunk, each from nothing, the chunks then merged in order: so the result of a row depends
/// neither on which rows share its tile nor on how many calls its chunks are spread over.
struct AttentionArgs {
  DType kv_dtype;
  int head_dim;
  int page_tokens;          ///< divides kAttentionChunk
  std::byte* const* pages;  ///< page i: positions [i, i + 1) * page_tokens
  int64_t key_offset;       ///< of this layer and head within a page: [page_tokens][head_dim]
  int64_t value_offset;     ///< likewise
  int32_t first_position;   ///< of row 0; row r sees positions up to first_position + r
  int32_t n_rows;           ///< at most kMaxAttentionRows
  int group;                ///< query heads
  const float* q;           ///< row 0, first head of the group: [group][head_dim]
  int64_t q_stride;         ///< floats between rows
  float* out;               ///< as q
  int64_t out_stride;
  float scale;
  float softcap;        ///< 0: none
  int sliding_window;   ///< 0: none
  int32_t first_chunk;  ///< chunk i: positions [i, i + 1) * kAttentionChunk
  int32_t n_chunks;
  /// Null: the chunks are all that the rows see, and `out` is written. Else: where the state of
  /// these chunks goes, AttentionStateFloats(...), for FinishAttention.
  float* state;
  float* scratch;  ///< AttentionScratchFloats(...), aligned to Buffer::kAlignment
};
inline constexpr int kMaxAttentionRows = 16;
inline constexpr int kAttentionBlock = 128;  ///< positions at a time, a multiple of page_tokens
inline constexpr int kAttentionChunk = 512;  ///< a multiple of it

/// The first position that one at `position` sees.
inline int64_t FirstSeen(const AttentionArgs& args, int64_t position) {
  const int64_t first = args.sliding_window > 0 ? position - args.sliding_window + 1 : 0;
  return first > 0 ? first : 0;
}

/// Rounded up to what every vector register divides.
inline int64_t AttentionStride(int64_t n) { return (n + 15) / 16 * 16; }

inline int64_t AttentionStateFloats(int head_dim, int64_t n_queries) {
  return 2 * AttentionStride(n_queries) + n_queries * AttentionStride(head_dim);
}

/// A block's keys and values, the queries and their scores, and two states.
inline int64_t AttentionScratchFloats(int head_dim, int group) {
  const int64_t n_queries = int64_t{kMaxAttentionRows} * group, stride = AttentionStride(head_dim);
  return 2 * kAttentionBlock * stride + n_queries * (stride + kAttentionBlock) +
         2 * AttentionStateFloats(head_dim, n_queries);
}

/// Rounding to bfloat16 changes a number by at most 2^-8, of the order of what activations lose as
/// int8; a float32 cache asks for more.
inline bool TakesBf16Attention(DType kv_dtype, int head_dim) {
  return kv_dtype != DType::kF32 && head_dim % 32 == 0;
}

struct KernelTable {
  const char* isa;  ///< of the last overlay: "scalar"
  LinearKernel linear[kNumDTypes];

  void (*attention)(const AttentionArgs& args);
  /// Attention rounds scaled queries, keys, values and weights to bfloat16 (TakesBf16Attention),
  /// and adds their products in float32.
  bool bf16_attention;
  /// y[i] = x[i] / sqrt(mean(x^2) + eps) * weight[i]. y may be x.
  void (*rms_norm)(const float* x, const float* weight, int64_t n, float eps, float* y);
  /// Rotates x[0, 2 * n_pairs) in place by the angles whose cosines and sines are given: pair i is
  /// (x[i], x[i + n_pairs]) for half style, (x[2i], x[2i + 1]) for interleaved.
  void (*rope_half)(const float* cos, const float* sin, int64_t n_pairs, float* x);
  void (*rope_interleaved)(const float* cos, const float* sin, int64_t n_pairs, float* x);
  /// out[i] = gate[i] / (1 + exp(-gate[i])) * up[i]. out may be gate.
  void (*silu_gate)(const float* gate, const float* up, int64_t n, float* out);
  /// out[i] = gelu(gate[i]) * up[i] in the tanh form (Hendrycks and Gimpel 2016). out may be gate.
  void (*gelu_tanh_gate)(const float* gate, const float* up, int64_t n, float* out);
  /// x[i] += y[i].
  void (*add)(float* x, const float* y, int64_t n);
  /// For QuantFormat::encode: of weights quantized on load, and of what the KV cache stores.
  EncoderLoops encoder_loops;
};

/// The tables that this CPU can run, in the order of isas.inc: the first is scalar alone, each
/// further one overlays the one before it, the last is the best.
std::span<const KernelTable> RunnableKernels();
/// The last of them, or the one that the environment variable AUTOGLM_ISA names (for comparisons).
const KernelTable& BestKernels();
/// The first: float32 throughout, the truth.
inline const KernelTable& ScalarKernels() { return RunnableKernels().front(); }

}  // namespace autoglm

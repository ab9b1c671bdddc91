// The loops of training that are no matrix products, forward and backward, each one pass over
// memory: what would be several operations of torch, and most of the time of a small model. In
// float for training and in double for checks of gradients. Written for the compiler to vectorize.
// Nothing is shared: threads may call with parts that do not overlap.
#pragma once

#include <cstdint>

namespace autoglm {

/// y = x * w / sqrt(mean(x^2) + eps) in each row. x, y [n, cols], w [cols]; `rstd` [n] gets the
/// factor, which the way back wants. Source: Zhang and Sennrich 2019, "Root Mean Square Layer
/// Normalization".
void RmsNorm(const float* x, const float* w, double eps, int64_t n, int64_t cols, float* y,
             float* rstd);
void RmsNorm(const double* x, const double* w, double eps, int64_t n, int64_t cols, double* y,
             double* rstd);
/// Writes dx [n, cols], and adds to dw [cols].
void RmsNormBackward(const float* x, const float* w, const float* rstd, const float* dy, int64_t n,
                     int64_t cols, float* dx, float* dw);
void RmsNormBackward(const double* x, const double* w, const double* rstd, const double* dy,
                     int64_t n, int64_t cols, double* dx, double* dw);

/// out = silu(gate) * up. gate_up [n, 2 * inner], gate first; out [n, inner].
void SwiGlu(const float* gate_up, int64_t n, int64_t inner, float* out);
void SwiGlu(const double* gate_up, int64_t n, int64_t inner, double* out);
/// Writes d_gate_up [n, 2 * inner].
void SwiGluBackward(const float* gate_up, const float* d_out, int64_t n, int64_t inner,
                    float* d_gate_up);
void SwiGluBackward(const double* gate_up, const double* d_out, int64_t n, int64_t inner,
                    double* d_gate_up);

/// Adds -log(softmax(logits)[target]) over the rows of logits [n, cols] to `*loss`, and writes its
/// gradient times `scale` to d_logits [n, cols].
void CrossEntropy(const float* logits, const int32_t* targets, int64_t n, int64_t cols,
                  double scale, float* d_logits, double* loss);
void CrossEntropy(const double* logits, const int32_t* targets, int64_t n, int64_t cols,
                  double scale, double* d_logits, double* loss);

/// Where the heads of one row of a fused projection are: query heads, key heads, value heads.
struct HeadLayout {
  int num_attention_heads = 1, num_key_value_heads = 1, head_dim = 1;
  int rotary_dim = 0;       ///< the first so many elements of a head are rotated
  bool interleaved = true;  ///< rotary pairs are neighbours; else the two halves of rotary_dim
  int64_t cols() const {
    return static_cast<int64_t>(num_attention_heads + 2 * num_key_value_heads) * head_dim;
  }
};

/// Turns queries and keys in rows [n, layout.cols()] in place by the angles of their positions
/// (row i: position i modulo n_positions); `direction` -1 turns back. cos, sin
/// [n_positions, rotary_dim / 2]. Source: Su et al. 2021, "RoFormer".
void Rotate(const HeadLayout& layout, const float* cos, const float* sin, int direction,
            int64_t first_row, int64_t n, int64_t n_positions, float* rows);
void Rotate(const HeadLayout& layout, const double* cos, const double* sin, int direction,
            int64_t first_row, int64_t n, int64_t n_positions, double* rows);

/// Causal attention of one sequence and one key-value head, scores divided by sqrt(head_dim).
/// qkv [n, layout.cols()] rotated; writes the query heads of this key-value head in
/// out [n, num_attention_heads * head_dim], and log sum exp of their scores in
/// lse [num_attention_heads, n]. `scratch`: AttendScratch elements.
void Attend(const HeadLayout& layout, int kv_head, const float* qkv, int64_t n, float* out,
            float* lse, float* scratch);
void Attend(const HeadLayout& layout, int kv_head, const double* qkv, int64_t n, double* out,
            double* lse, double* scratch);
/// Writes this key-value head's columns of d_qkv [n, layout.cols()], with probabilities computed
/// again from `lse`. Source: Dao et al. 2022, "FlashAttention", for the backward formulas.
void AttendBackward(const HeadLayout& layout, int kv_head, const float* qkv, const float* lse,
                    const float* d_out, int64_t n, float* d_qkv, float* scratch);
void AttendBackward(const HeadLayout& layout, int kv_head, const double* qkv, const double* lse,
                    const double* d_out, int64_t n, double* d_qkv, double* scratch);
inline int64_t AttendScratch(const HeadLayout& layout, int64_t n) {
  return 2 * n * layout.head_dim + 2 * n * n + 2 * n;
}

}  // namespace autoglm

#include "training/row_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <type_traits>

// One version for each generation of x86-64; the loader picks.
#if defined(__x86_64__)
#define AUTOGLM_CLONES [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define AUTOGLM_CLONES
#endif
// The bodies must be compiled within each version.
#define AUTOGLM_BODY [[gnu::always_inline]] inline

namespace autoglm {

namespace {

/// e^x within 2 units of the last place, as a loop of it vectorizes; 0 below -87, and no larger
/// than e^88 above. Source: Cody and Waite 1980 for the reduction; the polynomial is Taylor's, of
/// degree 7 on |r| <= ln(2) / 2.
AUTOGLM_BODY float Exp(float x) {
  const float clamped = std::min(std::max(x, -87.0f), 88.0f);
  const float n = std::rint(clamped * 1.44269504f);
  const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const auto power = std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);
  const float value = p * power;
  return x < -87.0f ? 0.0f : (x != x ? x : value);
}
AUTOGLM_BODY double Exp(double x) { return std::exp(x); }

template <typename T>
AUTOGLM_BODY void RmsNormBody(const T* x, const T* w, double eps, int64_t n, int64_t cols, T* y,
                              T* rstd) {
  for (int64_t i = 0; i < n; ++i, x += cols, y += cols) {
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t c = 0; c < cols; ++c) sum += x[c] * x[c];
    const T scale = 1 / std::sqrt(sum / static_cast<T>(cols) + static_cast<T>(eps));
    rstd[i] = scale;
    for (int64_t c = 0; c < cols; ++c) y[c] = x[c] * scale * w[c];
  }
}

template <typename T>
AUTOGLM_BODY void RmsNormBackwardBody(const T* x, const T* w, const T* rstd, const T* dy, int64_t n,
                                      int64_t cols, T* dx, T* dw) {
  for (int64_t i = 0; i < n; ++i, x += cols, dy += cols, dx += cols) {
    const T scale = rstd[i];
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t c = 0; c < cols; ++c) sum += dy[c] * w[c] * x[c];
    const T along = sum * scale * scale * scale / static_cast<T>(cols);
    for (int64_t c = 0; c < cols; ++c) {
      dw[c] += dy[c] * x[c] * scale;
      dx[c] = dy[c] * w[c] * scale - x[c] * along;
    }
  }
}

template <typename T>
AUTOGLM_BODY void SwiGluBody(const T* gate_up, int64_t n, int64_t inner, T* out) {
  for (int64_t i = 0; i < n; ++i, gate_up += 2 * inner, out += inner) {
    for (int64_t c = 0; c < inner; ++c) {
      const T gate = gate_up[c];
      out[c] = gate / (1 + Exp(-gate)) * gate_up[inner + c];
    }
  }
}

template <typename T>
AUTOGLM_BODY void SwiGluBackwardBody(const T* gate_up, const T* d_out, int64_t n, int64_t inner,
                                     T* d_gate_up) {
  for (int64_t i = 0; i < n; ++i, gate_up += 2 * inner, d_gate_up += 2 * inner, d_out += inner) {
    for (int64_t c = 0; c < inner; ++c) {
      const T gate = gate_up[c];
      const T sigmoid = 1 / (1 + Exp(-gate));
      d_gate_up[inner + c] = d_out[c] * gate * sigmoid;
      d_gate_up[c] = d_out[c] * gate_up[inner + c] * sigmoid * (1 + gate * (1 - sigmoid));
    }
  }
}

template <typename T>
AUTOGLM_BODY void CrossEntropyBody(const T* logits, const int32_t* targets, int64_t n, int64_t cols,
                                   double scale, T* d_logits, double* loss) {
  for (int64_t i = 0; i < n; ++i, logits += cols, d_logits += cols) {
    T largest = logits[0];
#pragma omp simd reduction(max : largest)
    for (int64_t c = 1; c < cols; ++c) largest = logits[c] > largest ? logits[c] : largest;
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t c = 0; c < cols; ++c) {
      d_logits[c] = Exp(logits[c] - largest);
      sum += d_logits[c];
    }
    const T factor = static_cast<T>(scale) / sum;
    for (int64_t c = 0; c < cols; ++c) d_logits[c] *= factor;
    d_logits[targets[i]] -= static_cast<T>(scale);
    *loss += std::log(static_cast<double>(sum)) + static_cast<double>(largest) -
             static_cast<double>(logits[targets[i]]);
  }
}

template <typename T>
AUTOGLM_BODY void RotateBody(const HeadLayout& layout, const T* cos, const T* sin, int direction,
                             int64_t first_row, int64_t n, int64_t n_positions, T* rows) {
  const int n_pairs = layout.rotary_dim / 2;
  const int n_heads = layout.num_attention_heads + layout.num_key_value_heads;
  const int step = layout.interleaved ? 2 : 1, apart = layout.interleaved ? 1 : n_pairs;
  for (int64_t i = first_row; i < first_row + n; ++i) {
    const T* c = cos + i % n_positions * n_pairs;
    const T* s = sin + i % n_positions * n_pairs;
    T* head = rows + i * layout.cols();
    for (int h = 0; h < n_heads; ++h, head += layout.head_dim) {
      for (int p = 0; p < n_pairs; ++p) {
        T& a = head[p * step];
        T& b = head[p * step + apart];
        const T turned = a * c[p] - b * s[p] * static_cast<T>(direction);
        b = b * c[p] + a * s[p] * static_cast<T>(direction);
        a = turned;
      }
    }
  }
}

/// out[0..n) += sum over k < m of factors[k] * rows[k * stride + (0..n)).
template <typename T>
AUTOGLM_BODY void AddRows(const T* __restrict factors, const T* __restrict rows, int64_t stride,
                          int64_t m, int64_t n, T* __restrict out) {
  int64_t k = 0;
  for (; k + 4 <= m; k += 4) {  // four rows for one pass over `out`
    const T f0 = factors[k], f1 = factors[k + 1], f2 = factors[k + 2], f3 = factors[k + 3];
    const T* __restrict r0 = rows + k * stride;
    const T* __restrict r1 = r0 + stride;
    const T* __restrict r2 = r1 + stride;
    const T* __restrict r3 = r2 + stride;
    for (int64_t c = 0; c < n; ++c) {
      out[c] += (f0 * r0[c] + f1 * r1[c]) + (f2 * r2[c] + f3 * r3[c]);
    }
  }
  for (; k < m; ++k) {
    const T f = factors[k];
    const T* __restrict r = rows + k * stride;
    for (int64_t c = 0; c < n; ++c) out[c] += f * r[c];
  }
}

/// out [head_dim, n] = the transposed columns of one head.
template <typename T>
AUTOGLM_BODY void Transpose(const T* head, int64_t stride, int64_t n, int head_dim, T* out) {
  for (int64_t i = 0; i < n; ++i) {
    for (int d = 0; d < head_dim; ++d) out[d * n + i] = head[i * stride + d];
  }
}

template <typename T>
AUTOGLM_BODY void AttendBody(const HeadLayout& layout, int kv_head, const T* qkv, int64_t n, T* out,
                             T* lse, T* scratch) {
  const int dim = layout.head_dim, group = layout.num_attention_heads / layout.num_key_value_heads;
  const int64_t stride = layout.cols();
  const int64_t out_stride = static_cast<int64_t>(layout.num_attention_heads) * dim;
  const T* key = qkv + static_cast<int64_t>(layout.num_attention_heads + kv_head) * dim;
  const T* value = key + static_cast<int64_t>(layout.num_key_value_heads) * dim;
  const T scale = 1 / std::sqrt(static_cast<T>(dim));
  T* keys = scratch;           // [dim, n]
  T* scores = keys + n * dim;  // [n]
  Transpose(key, stride, n, dim, keys);
  for (int h = kv_head * group; h < (kv_head + 1) * group; ++h) {
    for (int64_t i = 0; i < n; ++i) {
      std::fill(scores, scores + i + 1, T{0});
      AddRows(qkv + i * stride + static_cast<int64_t>(h) * dim, keys, n, dim, i + 1, scores);
      T largest = scores[0];
#pragma omp simd reduction(max : largest)
      for (int64_t j = 1; j <= i; ++j) largest = scores[j] > largest ? scores[j] : largest;
      T sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t j = 0; j <= i; ++j) {
        scores[j] = Exp((scores[j] - largest) * scale);
        sum += scores[j];
      }
      lse[h * n + i] = largest * scale + std::log(sum);
      for (int64_t j = 0; j <= i; ++j) scores[j] /= sum;
      T* row = out + i * out_stride + static_cast<int64_t>(h) * dim;
      std::fill(row, row + dim, T{0});
      AddRows(scores, value, stride, i + 1, dim, row);
    }
  }
}

template <typename T>
AUTOGLM_BODY void AttendBackwardBody(const HeadLayout& layout, int kv_head, const T* qkv,
                                     const T* lse, const T* d_out, int64_t n, T* d_qkv,
                                     T* scratch) {
  const int dim = layout.head_dim, group = layout.num_attention_heads / layout.num_key_value_heads;
  const int64_t stride = layout.cols();
  const int64_t out_stride = static_cast<int64_t>(layout.num_attention_heads) * dim;
  const int64_t key_at = static_cast<int64_t>(layout.num_attention_heads + kv_head) * dim;
  const int64_t value_at = key_at + static_cast<int64_t>(layout.num_key_value_heads) * dim;
  const T scale = 1 / std::sqrt(static_cast<T>(dim));
  T* keys = scratch;                    // [dim, n]
  T* values = keys + n * dim;           // [dim, n]
  T* probabilities = values + n * dim;  // [n, n]: of key j, by query
  T* d_scores = probabilities + n * n;  // [n, n], likewise
  T* p = d_scores + n * n;              // [n]: of one query
  T* ds = p + n;                        // [n]
  Transpose(qkv + key_at, stride, n, dim, keys);
  Transpose(qkv + value_at, stride, n, dim, values);
  for (int64_t i = 0; i < n; ++i) {
    std::fill(d_qkv + i * stride + key_at, d_qkv + i * stride + key_at + dim, T{0});
    std::fill(d_qkv + i * stride + value_at, d_qkv + i * stride + value_at + dim, T{0});
  }
  for (int h = kv_head * group; h < (kv_head + 1) * group; ++h) {
    const int64_t query_at = static_cast<int64_t>(h) * dim;
    for (int64_t i = 0; i < n; ++i) {
      std::fill(p, p + i + 1, T{0});
      std::fill(ds, ds + i + 1, T{0});
      AddRows(qkv + i * stride + query_at, keys, n, dim, i + 1, p);
      AddRows(d_out + i * out_stride + query_at, values, n, dim, i + 1, ds);
      T along = 0;
#pragma omp simd reduction(+ : along)
      for (int64_t j = 0; j <= i; ++j) {
        p[j] = Exp(p[j] * scale - lse[h * n + i]);
        along += p[j] * ds[j];
      }
      for (int64_t j = 0; j <= i; ++j) ds[j] = p[j] * (ds[j] - along) * scale;
      T* d_query = d_qkv + i * stride + query_at;
      std::fill(d_query, d_query + dim, T{0});
      AddRows(ds, qkv + key_at, stride, i + 1, dim, d_query);
      for (int64_t j = 0; j <= i; ++j) {
        probabilities[j * n + i] = p[j];
        d_scores[j * n + i] = ds[j];
      }
    }
    for (int64_t j = 0; j < n; ++j) {
      AddRows(probabilities + j * n + j, d_out + j * out_stride + query_at, out_stride, n - j, dim,
              d_qkv + j * stride + value_at);
      AddRows(d_scores + j * n + j, qkv + j * stride + query_at, stride, n - j, dim,
              d_qkv + j * stride + key_at);
    }
  }
}

}  // namespace

// Each function for both types.
#define AUTOGLM_BOTH(Name, Parameters, Arguments)                      \
  AUTOGLM_CLONES void Name Parameters(float) { Name##Body Arguments; } \
  AUTOGLM_CLONES void Name Parameters(double) { Name##Body Arguments; }

#define AUTOGLM_PARAMETERS(T) \
  (const T* x, const T* w, double eps, int64_t n, int64_t cols, T* y, T* rstd)
AUTOGLM_BOTH(RmsNorm, AUTOGLM_PARAMETERS, (x, w, eps, n, cols, y, rstd))
#undef AUTOGLM_PARAMETERS
#define AUTOGLM_PARAMETERS(T) \
  (const T* x, const T* w, const T* rstd, const T* dy, int64_t n, int64_t cols, T* dx, T* dw)
AUTOGLM_BOTH(RmsNormBackward, AUTOGLM_PARAMETERS, (x, w, rstd, dy, n, cols, dx, dw))
#undef AUTOGLM_PARAMETERS
#define AUTOGLM_PARAMETERS(T) (const T* gate_up, int64_t n, int64_t inner, T* out)
AUTOGLM_BOTH(SwiGlu, AUTOGLM_PARAMETERS, (gate_up, n, inner, out))
#undef AUTOGLM_PARAMETERS
#define AUTOGLM_PARAMETERS(T) \
  (const T* gate_up, const T* d_out, int64_t n, int64_t inner, T* d_gate_up)
AUTOGLM_BOTH(SwiGluBackward, AUTOGLM_PARAMETERS, (gate_up, d_out, n, inner, d_gate_up))
#undef AUTOGLM_PARAMETERS
#define AUTOGLM_PARAMETERS(T)                                                                   \
  (const T* logits, const int32_t* targets, int64_t n, int64_t cols, double scale, T* d_logits, \
   double* loss)
AUTOGLM_BOTH(CrossEntropy, AUTOGLM_PARAMETERS, (logits, targets, n, cols, scale, d_logits, loss))
#undef AUTOGLM_PARAMETERS
#define AUTOGLM_PARAMETERS(T)                                                              \
  (const HeadLayout& layout, const T* cos, const T* sin, int direction, int64_t first_row, \
   int64_t n, int64_t n_positions, T* rows)
AUTOGLM_BOTH(Rotate, AUTOGLM_PARAMETERS,
             (layout, cos, sin, direction, first_row, n, n_positions, rows))
#undef AUTOGLM_PARAMETERS
#define AUTOGLM_PARAMETERS(T) \
  (const HeadLayout& layout, int kv_head, const T* qkv, int64_t n, T* out, T* lse, T* scratch)
AUTOGLM_BOTH(Attend, AUTOGLM_PARAMETERS, (layout, kv_head, qkv, n, out, lse, scratch))
#undef AUTOGLM_PARAMETERS
#define AUTOGLM_PARAMETERS(T)                                                                    \
  (const HeadLayout& layout, int kv_head, const T* qkv, const T* lse, const T* d_out, int64_t n, \
   T* d_qkv, T* scratch)
AUTOGLM_BOTH(AttendBackward, AUTOGLM_PARAMETERS,
             (layout, kv_head, qkv, lse, d_out, n, d_qkv, scratch))
#undef AUTOGLM_PARAMETERS

}  // namespace autoglm

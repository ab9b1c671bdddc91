// OpStream: the operations of which every forward pass is made. The CPU runs an op when it is
// called; a GPU records it and Finish submits.
//
// Activations are contiguous F32 tensors [n_tokens, features] in memory of Backend::NewBuffer. Ops
// check nothing about shapes (bind did); the first failure is latched and Finish returns it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/kv_layout.h"
#include "backend/weight.h"
#include "base/status.h"
#include "tensor/tensor.h"

namespace autoglm {

/// One product of a MatMul: out [n_tokens, weight.rows] = x * weight^T + bias.
struct MatMulTerm {
  const Weight* weight;
  const Weight* bias;  ///< F32 [weight.rows], or null or empty
  Tensor out;
};

enum class RopeStyle {
  kHalf,         ///< rotates (x[i], x[i + n/2]): GPT-NeoX, Hugging Face
  kInterleaved,  ///< rotates (x[2i], x[2i + 1]): the original RoPE, GLM
};

/// Rotary position embedding. Source: Su et al. 2021, "RoFormer".
struct RopeSpec {
  RopeStyle style = RopeStyle::kHalf;
  std::vector<float> inv_freq;  ///< [rotary_dim / 2], scaling already applied
  float attention_factor = 1;   ///< multiplies cos and sin (YaRN, LongRoPE)
  int rotary_dim() const { return 2 * static_cast<int>(inv_freq.size()); }
};

struct AttentionSpec {
  int num_attention_heads = 0;
  float scale = 1;         ///< of q.k before the softmax
  float softcap = 0;       ///< s = softcap * tanh(s / softcap) where above 0
  int sliding_window = 0;  ///< a query sees its last `sliding_window` positions; 0: all
};

enum class Activation { kSilu, kGeluTanh };

class OpStream {
 public:
  virtual ~OpStream() = default;

  /// out[i] = scale * table[tokens[i]]. tokens are within the table.
  virtual void Embed(const Weight& table, std::span<const int32_t> tokens, float scale,
                     const Tensor& out) = 0;

  /// All terms read the same x, so that it is prepared (quantized) once.
  virtual void MatMul(const Tensor& x, std::span<const MatMulTerm> terms) = 0;

  /// out = x / sqrt(mean(x^2) + eps) * weight over each group of weight.cols consecutive elements
  /// (a row, or one head of a row). out may be x.
  virtual void RmsNorm(const Tensor& x, const Weight& weight, float eps, const Tensor& out) = 0;

  /// table [n_tokens, rotary_dim]: cos of each angle, then sin of each, times attention_factor.
  virtual void RopeTable(const RopeSpec& spec, std::span<const int32_t> positions,
                         const Tensor& table) = 0;
  /// Rotates the first rotary_dim elements of every head of x [n_tokens, heads * head_dim] in
  /// place.
  virtual void Rope(RopeStyle style, const Tensor& table, int head_dim, const Tensor& x) = 0;

  /// Writes k and v [n_tokens, num_key_value_heads * head_dim] to their positions.
  virtual void KvStore(const KvBatch& kv, int layer, const Tensor& k, const Tensor& v) = 0;

  /// Causal attention of q [n_tokens, num_attention_heads * head_dim] over the stored positions of
  /// each row's sequence, up to and including its own. Heads share keys in consecutive groups.
  virtual void Attention(const KvBatch& kv, int layer, const AttentionSpec& spec, const Tensor& q,
                         const Tensor& out) = 0;

  /// out = act(gate) * up. out may be gate.
  virtual void GatedActivation(Activation act, const Tensor& gate, const Tensor& up,
                               const Tensor& out) = 0;

  /// x += y.
  virtual void Add(const Tensor& x, const Tensor& y) = 0;
  /// x *= factor.
  virtual void Scale(const Tensor& x, float factor) = 0;
  /// x = cap * tanh(x / cap).
  virtual void SoftCap(const Tensor& x, float cap) = 0;
  /// out[i] = x[rows[i]].
  virtual void GatherRows(const Tensor& x, std::span<const int32_t> rows, const Tensor& out) = 0;

  /// Waits for everything; the first failure, then forgotten.
  virtual Status Finish() = 0;
};

}  // namespace autoglm

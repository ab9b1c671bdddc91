// The operations that a decoder is trained with, each with its gradient: row_kernels.h as functions
// of torch. All take float or double tensors, contiguous; results are new.
#pragma once

#include <cstdint>
#include <vector>

#include "training/row_kernels.h"
#include "training/torch.h"

namespace autoglm {

/// RMS norm of each row. x [n, cols], weight [cols] -> [n, cols].
at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps);

/// silu(first half) * second half of each row. gate_up [n, 2 * inner] -> [n, inner].
at::Tensor SwiGlu(const at::Tensor& gate_up);

/// Mean of -log softmax(logits)[target]; logits [n, vocab_size] -> scalar. Targets: n ids below
/// vocab_size.
at::Tensor CrossEntropy(const at::Tensor& logits, const std::vector<int32_t>& targets);

/// Causal self-attention within each of the sequences that rows consist of. qkv
/// [n_sequences * n_positions, layout.cols()] before rotation, cos and sin
/// [n_positions, rotary_dim / 2] -> [n_sequences * n_positions, num_attention_heads * head_dim].
at::Tensor Attention(const at::Tensor& qkv, const at::Tensor& cos, const at::Tensor& sin,
                     const HeadLayout& layout, int64_t n_positions);

}  // namespace autoglm

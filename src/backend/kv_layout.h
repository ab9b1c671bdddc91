// How keys and values lie in cache pages: known to the model (which owns pages) and to backends
// (which read and write them).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/tensor.h"

namespace autoglm {

/// A page holds `kPageTokens` consecutive positions of one sequence for every layer:
/// [layer][key, value][num_key_value_heads][kPageTokens][head_dim], so that what one attention head
/// reads is contiguous.
struct KvLayout {
  static constexpr int kPageTokens = 32;

  DType dtype = DType::kF16;  ///< kF32, kF16 or kQ8_0 (head_dim a multiple of 32)
  int num_hidden_layers = 0;
  int num_key_value_heads = 0;
  int head_dim = 0;

  bool operator==(const KvLayout&) const = default;

  /// One head of one layer: [kPageTokens][head_dim].
  int64_t head_bytes() const { return kPageTokens * RowBytes(dtype, head_dim); }
  int64_t page_bytes() const {
    return int64_t{2} * num_hidden_layers * num_key_value_heads * head_bytes();
  }
  int64_t key_offset(int layer, int head) const {
    return (2 * static_cast<int64_t>(layer) * num_key_value_heads + head) * head_bytes();
  }
  int64_t value_offset(int layer, int head) const {
    return key_offset(layer, head) + num_key_value_heads * head_bytes();
  }
};

/// The rows of a batch that belong to one sequence: rows [first_row, first_row + n_rows) are its
/// positions [first_position, first_position + n_rows).
struct KvSpan {
  std::span<std::byte* const> pages;  ///< page i holds positions [i, i + 1) * kPageTokens
  int32_t first_row = 0;
  int32_t n_rows = 0;
  int32_t first_position = 0;
};

/// Every sequence of a batch; rows of all spans together are the batch's rows, in order.
struct KvBatch {
  KvLayout layout;
  std::span<const KvSpan> spans;
};

}  // namespace autoglm

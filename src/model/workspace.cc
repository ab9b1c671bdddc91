#include "model/workspace.h"

#include <utility>

namespace autoglm {

namespace {

// One matrix after another, each beginning on a cache line.
class Arena {
 public:
  explicit Arena(std::byte* base) : base_(base) {}

  // A view [n, cols] with room for max_rows; counts bytes only where there is no base.
  Tensor Take(int64_t max_rows, int64_t n, int64_t cols) {
    std::byte* data = base_ == nullptr ? nullptr : base_ + used_;
    const int64_t bytes = max_rows * cols * static_cast<int64_t>(sizeof(float));
    used_ += (bytes + Buffer::kAlignment - 1) / Buffer::kAlignment * Buffer::kAlignment;
    return {DType::kF32, Shape{n, cols}, data};
  }

  int64_t used() const { return used_; }

 private:
  std::byte* base_;
  int64_t used_ = 0;
};

Activations Cut(Arena* arena, const ModelConfig& c, int max_tokens, int n, int max_out, int n_out,
                int rotary_dim) {
  const auto take = [&](int64_t cols) { return arena->Take(max_tokens, n, cols); };
  const int64_t q_cols = static_cast<int64_t>(c.num_attention_heads) * c.head_dim;
  const int64_t kv_cols = static_cast<int64_t>(c.num_key_value_heads) * c.head_dim;
  Activations a;
  a.x = take(c.hidden_size);
  a.h = take(c.hidden_size);
  a.q = take(q_cols);
  a.k = take(kv_cols);
  a.v = take(kv_cols);
  a.attn = take(q_cols);
  a.gate = take(c.intermediate_size);
  a.up = take(c.intermediate_size);
  a.rope = take(rotary_dim);
  a.rope_local = take(rotary_dim);
  a.out = arena->Take(max_out, n_out, c.hidden_size);
  return a;
}

}  // namespace

Result<Workspace> Workspace::Create(Backend& backend, const ModelConfig& config, int max_tokens,
                                    int max_output_rows) {
  const size_t n_bytes = static_cast<size_t>(BytesFor(config, max_tokens, max_output_rows));
  AUTOGLM_ASSIGN_OR_RETURN(Buffer buffer, backend.NewBuffer(n_bytes, "activations"));
  return Workspace(config, max_tokens, max_output_rows, std::move(buffer));
}

Workspace::Workspace(const ModelConfig& config, int max_tokens, int max_output_rows, Buffer buffer)
    : config_(config),
      max_tokens_(max_tokens),
      max_output_rows_(max_output_rows),
      buffer_(std::move(buffer)) {}

int64_t Workspace::BytesFor(const ModelConfig& config, int max_tokens, int max_output_rows) {
  Arena arena(nullptr);
  Cut(&arena, config, max_tokens, max_tokens, max_output_rows, max_output_rows, config.head_dim);
  return arena.used();
}

Activations Workspace::ForBatch(int n, int n_out, int rotary_dim) const {
  Arena arena(buffer_.data());
  return Cut(&arena, config_, max_tokens_, n, max_output_rows_, n_out, rotary_dim);
}

}  // namespace autoglm

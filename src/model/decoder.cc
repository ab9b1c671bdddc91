#include "model/decoder.h"

namespace autoglm {

Result<KvLayout> Decoder::kv_layout(DType dtype) const {
  if (dtype != DType::kF32 && dtype != DType::kF16 && dtype != DType::kQ8_0) {
    return Error(StatusCode::kInvalidArgument, "a KV cache of type ", Name(dtype),
                 " is not supported; use f32, f16 or q8_0");
  }
  if (config_.head_dim % Info(dtype).block_elements != 0) {
    return Error(StatusCode::kInvalidArgument, "a KV cache of type ", Name(dtype),
                 " needs attention heads whose size is a multiple of ", Info(dtype).block_elements,
                 "; this model's is ", config_.head_dim, "; use f16");
  }
  return KvLayout{dtype, config_.num_hidden_layers, config_.num_key_value_heads, config_.head_dim};
}

Status Decoder::Prepare(int max_batch_tokens, int max_output_rows, int64_t weight_bytes,
                        int64_t decode_weight_bytes) {
  AUTOGLM_ASSIGN_OR_RETURN(Workspace workspace,
                           Workspace::Create(backend_, config_, max_batch_tokens, max_output_rows));
  workspace_ = std::make_unique<Workspace>(std::move(workspace));
  weight_bytes_ = weight_bytes;
  decode_weight_bytes_ = decode_weight_bytes;
  return OkStatus();
}

Status Decoder::Check(const Batch& batch, const Tensor& logits) const {
  const int64_t n = static_cast<int64_t>(batch.tokens.size());
  if (n == 0 || n > max_batch_tokens() || batch.positions.size() != batch.tokens.size()) {
    return Error(StatusCode::kInvalidArgument, "a batch of ", n, " tokens and ",
                 batch.positions.size(), " positions; expected 1 to ", max_batch_tokens());
  }
  for (const int32_t token : batch.tokens) {
    if (token < 0 || token >= config_.vocab_size) {
      return Error(StatusCode::kOutOfRange, "token ", token, " is outside the vocabulary of ",
                   config_.vocab_size);
    }
  }
  int64_t rows = 0;
  for (const KvSpan& span : batch.kv.spans) rows += span.n_rows;
  if (rows != n) {
    return Error(StatusCode::kInvalidArgument, "the cache spans hold ", rows, " rows, the batch ",
                 n);
  }
  const int64_t n_out = static_cast<int64_t>(batch.output_rows.size());
  if (n_out > max_output_rows() ||
      (n_out > 0 && !(logits.shape == Shape{n_out, config_.vocab_size}))) {
    return Error(StatusCode::kInvalidArgument, "logits for ", n_out, " rows (at most ",
                 max_output_rows(), ") into a tensor ", logits.shape.ToString());
  }
  for (const int32_t row : batch.output_rows) {
    if (row < 0 || row >= n) return Error(StatusCode::kOutOfRange, "output row ", row, " of ", n);
  }
  return OkStatus();
}

Status Decoder::Forward(const Batch& batch, const Tensor& logits) {
  AUTOGLM_RETURN_IF_ERROR(Check(batch, logits));
  const Activations a =
      workspace_->ForBatch(static_cast<int>(batch.tokens.size()),
                           static_cast<int>(batch.output_rows.size()), rotary_dim());
  OpStream& stream = backend_.stream();
  Compute(batch, a, stream, logits);
  AUTOGLM_RETURN_IF_ERROR(stream.Finish());
  if (!batch.output_rows.empty()) Observe(config_.num_hidden_layers, a.out);
  return OkStatus();
}

}  // namespace autoglm

// The CPU's OpStream: every op runs when it is called, its tiles shared by the thread pool.
#pragma once

#include <vector>

#include "backend/op_stream.h"
#include "kernels/kernels.h"
#include "platform/thread_pool.h"
#include "tensor/buffer.h"

namespace autoglm {

class CpuStream final : public OpStream {
 public:
  CpuStream(ThreadPool& threads, const KernelTable& kernels);

  void Embed(const Weight& table, std::span<const int32_t> tokens, float scale,
             const Tensor& out) override;
  void MatMul(const Tensor& x, std::span<const MatMulTerm> terms) override;
  void RmsNorm(const Tensor& x, const Weight& weight, float eps, const Tensor& out) override;
  void RopeTable(const RopeSpec& spec, std::span<const int32_t> positions,
                 const Tensor& table) override;
  void Rope(RopeStyle style, const Tensor& table, int head_dim, const Tensor& x) override;
  void KvStore(const KvBatch& kv, int layer, const Tensor& k, const Tensor& v) override;
  void Attention(const KvBatch& kv, int layer, const AttentionSpec& spec, const Tensor& q,
                 const Tensor& out) override;
  void GatedActivation(Activation act, const Tensor& gate, const Tensor& up,
                       const Tensor& out) override;
  void Add(const Tensor& x, const Tensor& y) override;
  void Scale(const Tensor& x, float factor) override;
  void SoftCap(const Tensor& x, float cap) override;
  void GatherRows(const Tensor& x, std::span<const int32_t> rows, const Tensor& out) override;
  Status Finish() override;

 private:
  // Calls function(row) for each row, in tiles of about kElementsPerTile elements.
  void ForRows(int64_t n_rows, int64_t cols, FunctionRef<void(int64_t row)> function);
  // Floats of scratch memory for one thread; null, with the failure latched, if it cannot be had.
  // Memory is kept, so that only a step larger than all before allocates.
  bool ReserveScratch(int64_t floats_per_thread);
  float* scratch(int thread) const;
  // The activations of a MatMul in the form that `kernel` wants.
  const std::byte* Prepare(const LinearKernel& kernel, const Tensor& x);
  // Rows of `weight` that one tile computes.
  int64_t RowsPerTile(const LinearKernel& kernel, const Weight& weight, int64_t n_tokens) const;
  // Rows [begin, begin + n_rows) of a term.
  void RunTile(const MatMulTerm& term, const LinearKernel& kernel, const Tensor& x,
               const std::byte* prepared, int64_t begin, int64_t n_rows, int64_t next_row,
               float* scratch);
  // The work of an Attention, the longest tiles first where that is known.
  void PlanAttention(const KvBatch& kv, const AttentionSpec& spec);
  bool Latch(const Status& status);

  ThreadPool& threads_;
  const KernelTable& kernels_;
  Buffer scratch_;
  int64_t scratch_stride_bytes_ = 0;
  Buffer prepared_;
  // Rows of one sequence, and one key-value head or (chunk_states_) one chunk of one.
  struct AttentionTile {
    const KvSpan* span;
    int32_t first_row;  // of the span
    int32_t n_rows;
    int32_t head;
    int32_t first_chunk;
    int32_t n_chunks;
    int64_t state;  // where its state lies in attention_states_, in floats; -1: it has none
  };
  std::vector<AttentionTile> attention_tiles_, attention_merges_;
  Buffer attention_states_;
  Status status_;
};

}  // namespace autoglm

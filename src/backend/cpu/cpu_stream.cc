#include "backend/cpu/cpu_stream.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/attention_state.h"
#include "quant/quant_format.h"

namespace autoglm {

namespace {

// A tile of elementwise work: about ten microseconds, far above what claiming one costs.
constexpr int64_t kElementsPerTile = 16 * 1024;
// Weights of a matrix product that one tile reads: small enough that the last tile to finish holds
// nobody up for long, large enough to amortize claiming it. For one token that is about ten
// microseconds of reading, otherwise whatever a kernel likes best.
constexpr int64_t kWeightsPerTile = 32 * 1024;
constexpr int64_t kWeightsPerDecodeTile = 256 * 1024;
constexpr int64_t kTilesPerThread = 4;
// Terms in one loop; more of them run in several.
constexpr size_t kMaxTerms = 4;

}  // namespace

CpuStream::CpuStream(ThreadPool& threads, const KernelTable& kernels)
    : threads_(threads), kernels_(kernels) {}

bool CpuStream::Latch(const Status& status) {
  if (status_.ok()) status_ = status;
  return status.ok();
}

bool CpuStream::ReserveScratch(int64_t floats_per_thread) {
  const int64_t wanted = (floats_per_thread * sizeof(float) + Buffer::kAlignment - 1) /
                         Buffer::kAlignment * Buffer::kAlignment;
  if (wanted <= scratch_stride_bytes_) return true;
  Result<Buffer> grown =
      Buffer::Allocate(static_cast<size_t>(wanted * threads_.n_threads()), "kernel scratch");
  if (!grown.ok()) return Latch(grown.status());
  scratch_ = std::move(grown).value();
  scratch_stride_bytes_ = wanted;
  return true;
}

float* CpuStream::scratch(int thread) const {
  return reinterpret_cast<float*>(scratch_.data() + thread * scratch_stride_bytes_);
}

void CpuStream::ForRows(int64_t n_rows, int64_t cols, FunctionRef<void(int64_t row)> function) {
  const int64_t rows_per_tile = std::max<int64_t>(1, kElementsPerTile / std::max<int64_t>(1, cols));
  const int64_t n_tiles = (n_rows + rows_per_tile - 1) / rows_per_tile;
  threads_.ParallelFor(n_tiles, [&](int64_t tile, int) {
    const int64_t end = std::min(n_rows, (tile + 1) * rows_per_tile);
    for (int64_t row = tile * rows_per_tile; row < end; ++row) function(row);
  });
}

void CpuStream::Embed(const Weight& table, std::span<const int32_t> tokens, float scale,
                      const Tensor& out) {
  if (!status_.ok()) return;
  const auto decode = Format(table.tensor.dtype).decode;
  ForRows(static_cast<int64_t>(tokens.size()), out.cols(), [&](int64_t i) {
    float* row = out.f32_row(i);
    decode(table.tensor.row(tokens[i]), row, out.cols());
    if (scale != 1) {
      for (int64_t c = 0; c < out.cols(); ++c) row[c] *= scale;
    }
  });
}

const std::byte* CpuStream::Prepare(const LinearKernel& kernel, const Tensor& x) {
  if (kernel.prepare == nullptr) return x.data;
  const int64_t stride = kernel.prepared_bytes(x.cols());
  const size_t wanted = static_cast<size_t>(x.rows() * stride);
  if (prepared_.n_bytes() < wanted) {
    Result<Buffer> grown = Buffer::Allocate(wanted, "prepared activations");
    if (!Latch(grown.status())) return nullptr;
    prepared_ = std::move(grown).value();
  }
  ForRows(x.rows(), x.cols(), [&](int64_t row) {
    kernel.prepare(x.f32_row(row), x.cols(), prepared_.data() + row * stride);
  });
  return prepared_.data();
}

int64_t CpuStream::RowsPerTile(const LinearKernel& kernel, const Weight& weight,
                               int64_t n_tokens) const {
  const int64_t multiple = kernel.row_multiple;
  const int64_t weights = n_tokens > 1 ? kWeightsPerTile : kWeightsPerDecodeTile;
  // Enough tiles that no thread waits long for the last one.
  const int64_t fair = weight.rows() / (kTilesPerThread * threads_.n_threads());
  const int64_t rows = std::min(fair, weights / weight.cols());
  return std::max<int64_t>(1, rows / multiple) * multiple;
}

void CpuStream::RunTile(const MatMulTerm& term, const LinearKernel& kernel, const Tensor& x,
                        const std::byte* prepared, int64_t begin, int64_t n_rows, int64_t next_row,
                        float* scratch) {
  const Tensor& weight = term.weight->tensor;
  kernel.multiply({.dtype = weight.dtype,
                   .weights = weight.row(begin),
                   .n_rows = n_rows,
                   .cols = x.cols(),
                   .x = prepared,
                   .x_stride = kernel.prepared_bytes(x.cols()),
                   .n_tokens = x.rows(),
                   .y = term.out.f32() + begin,
                   .y_stride = term.out.cols(),
                   .scratch = scratch,
                   .next = next_row < weight.rows() ? weight.row(next_row) : nullptr});
  if (term.bias == nullptr || term.bias->empty()) return;
  const float* bias = term.bias->tensor.f32() + begin;
  for (int64_t t = 0; t < x.rows(); ++t) kernels_.add(term.out.f32_row(t) + begin, bias, n_rows);
}

void CpuStream::MatMul(const Tensor& x, std::span<const MatMulTerm> terms) {
  // Terms that read the activations in the same form run as one loop: one wait for all of them.
  while (!terms.empty() && status_.ok()) {
    const auto kernel_of = [&](const MatMulTerm& term) -> const LinearKernel& {
      return kernels_.linear[static_cast<int>(term.weight->tensor.dtype)];
    };
    const auto prepare = kernel_of(terms[0]).prepare;
    int64_t first_tile[kMaxTerms + 1] = {}, rows_per_tile[kMaxTerms];
    size_t n = 0;
    for (; n < std::min(terms.size(), kMaxTerms); ++n) {
      const LinearKernel& kernel = kernel_of(terms[n]);
      if (kernel.prepare != prepare) break;
      if (!ReserveScratch(kernel.scratch_floats(x.cols()))) return;
      const Weight& weight = *terms[n].weight;
      rows_per_tile[n] = RowsPerTile(kernel, weight, x.rows());
      first_tile[n + 1] = first_tile[n] + (weight.rows() + rows_per_tile[n] - 1) / rows_per_tile[n];
    }
    const std::byte* prepared = Prepare(kernel_of(terms[0]), x);
    if (prepared == nullptr) return;
    threads_.ParallelFor(first_tile[n], [&](int64_t tile, int thread) {
      size_t i = 0;
      while (tile >= first_tile[i + 1]) ++i;
      const int64_t begin = (tile - first_tile[i]) * rows_per_tile[i];
      const int64_t n_rows = std::min(rows_per_tile[i], terms[i].weight->rows() - begin);
      const int64_t next_row = (threads_.LikelyNextTile() - first_tile[i]) * rows_per_tile[i];
      RunTile(terms[i], kernel_of(terms[i]), x, prepared, begin, n_rows, next_row, scratch(thread));
    });
    terms = terms.subspan(n);
  }
}

void CpuStream::RmsNorm(const Tensor& x, const Weight& weight, float eps, const Tensor& out) {
  if (!status_.ok()) return;
  const int64_t n = weight.cols();
  ForRows(x.shape.n_elements() / n, n, [&](int64_t i) {
    kernels_.rms_norm(x.f32() + i * n, weight.tensor.f32(), n, eps, out.f32() + i * n);
  });
}

void CpuStream::RopeTable(const RopeSpec& spec, std::span<const int32_t> positions,
                          const Tensor& table) {
  if (!status_.ok()) return;
  const int64_t n_pairs = static_cast<int64_t>(spec.inv_freq.size());
  ForRows(static_cast<int64_t>(positions.size()), 8 * n_pairs, [&](int64_t row) {
    float* cos = table.f32_row(row);
    float* sin = cos + n_pairs;
    for (int64_t i = 0; i < n_pairs; ++i) {
      const float angle = static_cast<float>(positions[row]) * spec.inv_freq[i];
      cos[i] = std::cos(angle) * spec.attention_factor;
      sin[i] = std::sin(angle) * spec.attention_factor;
    }
  });
}

void CpuStream::Rope(RopeStyle style, const Tensor& table, int head_dim, const Tensor& x) {
  if (!status_.ok()) return;
  const auto rotate =
      style == RopeStyle::kInterleaved ? kernels_.rope_interleaved : kernels_.rope_half;
  const int64_t n_pairs = table.cols() / 2;
  ForRows(x.rows(), x.cols(), [&](int64_t row) {
    const float* cos = table.f32_row(row);
    for (int64_t at = 0; at < x.cols(); at += head_dim) {
      rotate(cos, cos + n_pairs, n_pairs, x.f32_row(row) + at);
    }
  });
}

void CpuStream::KvStore(const KvBatch& kv, int layer, const Tensor& k, const Tensor& v) {
  if (!status_.ok()) return;
  const KvLayout& layout = kv.layout;
  const auto encode = [&](const float* x, std::byte* out) {
    Format(layout.dtype).encode(x, nullptr, out, layout.head_dim, kernels_.encoder_loops);
  };
  const int64_t row_bytes = RowBytes(layout.dtype, layout.head_dim);
  for (const KvSpan& span : kv.spans) {
    ForRows(span.n_rows, 2 * k.cols(), [&](int64_t i) {
      const int32_t position = span.first_position + static_cast<int32_t>(i);
      std::byte* page = span.pages[position / KvLayout::kPageTokens];
      const int64_t slot = position % KvLayout::kPageTokens * row_bytes;
      const float* key = k.f32_row(span.first_row + i);
      const float* value = v.f32_row(span.first_row + i);
      for (int head = 0; head < layout.num_key_value_heads; ++head) {
        const int64_t at = static_cast<int64_t>(head) * layout.head_dim;
        encode(key + at, page + layout.key_offset(layer, head) + slot);
        encode(value + at, page + layout.value_offset(layer, head) + slot);
      }
    });
  }
}

void CpuStream::PlanAttention(const KvBatch& kv, const AttentionSpec& spec) {
  const int n_heads = kv.layout.num_key_value_heads;
  const int group = spec.num_attention_heads / n_heads;
  attention_tiles_.clear();
  attention_merges_.clear();
  int64_t n_floats = 0;
  for (const KvSpan& span : kv.spans) {
    const int32_t n_row_tiles = (span.n_rows + kMaxAttentionRows - 1) / kMaxAttentionRows;
    // The longest rows first, so that the tiles at the end are the cheap ones.
    for (int32_t row_tile = n_row_tiles - 1; row_tile >= 0; --row_tile) {
      const int32_t row = row_tile * kMaxAttentionRows;
      const int32_t n_rows = std::min(kMaxAttentionRows, span.n_rows - row);
      const int32_t position = span.first_position + row;
      const int32_t first_seen =
          spec.sliding_window > 0 ? std::max(0, position - spec.sliding_window + 1) : 0;
      const int32_t first_chunk = first_seen / kAttentionChunk;
      const int32_t n_chunks = (position + n_rows - 1) / kAttentionChunk + 1 - first_chunk;
      // Where there are many rows they are tiles enough.
      const bool split = n_chunks > 1 && span.n_rows <= kMaxAttentionRows;
      for (int32_t head = 0; head < n_heads; ++head) {
        AttentionTile tile = {&span, row, n_rows, head, first_chunk, n_chunks, -1};
        if (!split) {
          attention_tiles_.push_back(tile);
          continue;
        }
        tile.state = n_floats;
        attention_merges_.push_back(tile);
        tile.n_chunks = 1;
        for (int32_t i = 0; i < n_chunks; ++i, ++tile.first_chunk, tile.state = n_floats) {
          attention_tiles_.push_back(tile);
          n_floats += AttentionStateFloats(kv.layout.head_dim, int64_t{n_rows} * group);
        }
      }
    }
  }
  const size_t wanted = static_cast<size_t>(n_floats) * sizeof(float);
  if (attention_states_.n_bytes() < wanted) {
    // Twice as much, so that a text that grows does not allocate at every chunk.
    Result<Buffer> grown = Buffer::Allocate(2 * wanted, "attention over a long text");
    if (Latch(grown.status())) attention_states_ = std::move(grown).value();
  }
}

void CpuStream::Attention(const KvBatch& kv, int layer, const AttentionSpec& spec, const Tensor& q,
                          const Tensor& out) {
  const KvLayout& layout = kv.layout;
  const int group = spec.num_attention_heads / layout.num_key_value_heads;
  if (!ReserveScratch(AttentionScratchFloats(layout.head_dim, group)) || !status_.ok()) {
    return;
  }
  PlanAttention(kv, spec);
  if (!status_.ok()) return;
  float* const states = reinterpret_cast<float*>(attention_states_.data());
  const auto args_of = [&](const AttentionTile& tile, int thread) -> AttentionArgs {
    const int64_t row = tile.span->first_row + tile.first_row;
    const int64_t column = static_cast<int64_t>(tile.head) * group * layout.head_dim;
    return {.kv_dtype = layout.dtype,
            .head_dim = layout.head_dim,
            .page_tokens = KvLayout::kPageTokens,
            .pages = tile.span->pages.data(),
            .key_offset = layout.key_offset(layer, tile.head),
            .value_offset = layout.value_offset(layer, tile.head),
            .first_position = tile.span->first_position + tile.first_row,
            .n_rows = tile.n_rows,
            .group = group,
            .q = q.f32_row(row) + column,
            .q_stride = q.cols(),
            .out = out.f32_row(row) + column,
            .out_stride = out.cols(),
            .scale = spec.scale,
            .softcap = spec.softcap,
            .sliding_window = spec.sliding_window,
            .first_chunk = tile.first_chunk,
            .n_chunks = tile.n_chunks,
            .state = tile.state < 0 ? nullptr : states + tile.state,
            .scratch = scratch(thread)};
  };
  threads_.ParallelFor(static_cast<int64_t>(attention_tiles_.size()), [&](int64_t i, int thread) {
    kernels_.attention(args_of(attention_tiles_[i], thread));
  });
  for (const AttentionTile& tile : attention_merges_) {
    FinishAttention(args_of(tile, 0), states + tile.state, tile.n_chunks);
  }
}

void CpuStream::GatedActivation(Activation act, const Tensor& gate, const Tensor& up,
                                const Tensor& out) {
  if (!status_.ok()) return;
  const auto apply = act == Activation::kSilu ? kernels_.silu_gate : kernels_.gelu_tanh_gate;
  ForRows(gate.rows(), gate.cols(), [&](int64_t row) {
    apply(gate.f32_row(row), up.f32_row(row), gate.cols(), out.f32_row(row));
  });
}

void CpuStream::Add(const Tensor& x, const Tensor& y) {
  if (!status_.ok()) return;
  ForRows(x.rows(), x.cols(),
          [&](int64_t row) { kernels_.add(x.f32_row(row), y.f32_row(row), x.cols()); });
}

void CpuStream::Scale(const Tensor& x, float factor) {
  if (!status_.ok()) return;
  ForRows(x.rows(), x.cols(), [&](int64_t row) {
    float* values = x.f32_row(row);
    for (int64_t i = 0; i < x.cols(); ++i) values[i] *= factor;
  });
}

void CpuStream::SoftCap(const Tensor& x, float cap) {
  if (!status_.ok()) return;
  ForRows(x.rows(), x.cols(), [&](int64_t row) {
    float* values = x.f32_row(row);
    for (int64_t i = 0; i < x.cols(); ++i) values[i] = cap * std::tanh(values[i] / cap);
  });
}

void CpuStream::GatherRows(const Tensor& x, std::span<const int32_t> rows, const Tensor& out) {
  if (!status_.ok()) return;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(out.f32_row(static_cast<int64_t>(i)), x.f32_row(rows[i]),
                static_cast<size_t>(x.cols()) * sizeof(float));
  }
}

Status CpuStream::Finish() { return std::exchange(status_, OkStatus()); }

}  // namespace autoglm

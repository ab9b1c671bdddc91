// ModelRunner: a model with a cache on the CPU, driven directly and not through the engine, so that
// tests see every logit and choose how tokens are cut into batches.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "backend/backend.h"
#include "kernels/kernels.h"
#include "model/kv_cache.h"
#include "model/load.h"
#include "platform/thread_pool.h"

namespace autoglm {

/// [n_rows][vocab_size].
using Rows = std::vector<std::vector<float>>;

class ModelRunner {
 public:
  /// `file` outlives this. Check status() before anything else.
  ModelRunner(const ModelFile& file, const LoadOptions& options, int n_threads = 2,
              DType kv_dtype = DType::kF32, const KernelTable& kernels = BestKernels())
      : threads_(n_threads), backend_(NewCpuBackend(threads_, kernels)) {
    Result<std::unique_ptr<LanguageModel>> model =
        LoadLanguageModel(file, *backend_, threads_, options);
    status_ = model.status();
    if (!status_.ok()) return;
    model_ = std::move(model).value();
    const Result<KvLayout> layout = model_->kv_layout(kv_dtype);
    status_ = layout.status();
    if (!status_.ok()) return;
    layout_ = *layout;
    pool_ = KvPagePool::Create(*backend_, layout_, kPages).value();
  }

  const Status& status() const { return status_; }
  LanguageModel& model() const { return *model_; }
  Backend& backend() const { return *backend_; }
  KvSequence NewSequence() { return KvSequence(*pool_, kPages * KvLayout::kPageTokens); }

  struct Feed {
    KvSequence* sequence;
    std::span<const int32_t> tokens;
  };

  /// One forward pass over all feeds: the logits of every row, or none after a failure (status()).
  Rows Run(std::span<const Feed> feeds) {
    std::vector<int32_t> tokens, positions, output_rows;
    std::vector<KvSpan> spans;
    for (const Feed& feed : feeds) {
      const int32_t first = feed.sequence->n_tokens();
      const int32_t n = static_cast<int32_t>(feed.tokens.size());
      status_ = feed.sequence->Extend(n);
      if (!status_.ok()) return {};
      spans.push_back({feed.sequence->page_data(), static_cast<int32_t>(tokens.size()), n, first});
      tokens.insert(tokens.end(), feed.tokens.begin(), feed.tokens.end());
      for (int32_t i = 0; i < n; ++i) positions.push_back(first + i);
    }
    const int64_t n_rows = static_cast<int64_t>(tokens.size());
    for (int32_t i = 0; i < n_rows; ++i) output_rows.push_back(i);
    const int64_t vocab_size = model_->config().vocab_size;
    const Buffer buffer =
        Buffer::Allocate(static_cast<size_t>(n_rows * vocab_size) * sizeof(float), "logits")
            .value();
    const Tensor logits = buffer.View(DType::kF32, Shape{n_rows, vocab_size});
    status_ = model_->Forward({tokens, positions, {layout_, spans}, output_rows}, logits);
    if (!status_.ok()) return {};
    Rows rows;
    for (int64_t i = 0; i < n_rows; ++i) {
      rows.emplace_back(logits.f32_row(i), logits.f32_row(i) + vocab_size);
    }
    return rows;
  }

  /// The same for a new sequence of `tokens`, at most `chunk` of them in a pass.
  Rows Prefill(std::span<const int32_t> tokens, size_t chunk) {
    KvSequence sequence = NewSequence();
    Rows all;
    for (size_t at = 0; at < tokens.size(); at += chunk) {
      const Feed feed{&sequence, tokens.subspan(at, std::min(chunk, tokens.size() - at))};
      Rows rows = Run({&feed, 1});
      std::move(rows.begin(), rows.end(), std::back_inserter(all));
    }
    return all;
  }

  /// The `n` tokens that greedy decoding appends to `prompt`.
  std::vector<int32_t> Greedy(std::span<const int32_t> prompt, int n) {
    KvSequence sequence = NewSequence();
    std::vector<int32_t> next(prompt.begin(), prompt.end()), out;
    while (static_cast<int>(out.size()) < n) {
      const Feed feed{&sequence, next};
      const Rows rows = Run({&feed, 1});
      if (rows.empty()) break;
      const auto best = std::max_element(rows.back().begin(), rows.back().end());
      next = {static_cast<int32_t>(best - rows.back().begin())};
      out.push_back(next[0]);
    }
    return out;
  }

 private:
  static constexpr int kPages = 16;

  ThreadPool threads_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<LanguageModel> model_;
  std::unique_ptr<KvPagePool> pool_;
  KvLayout layout_;
  Status status_;
};

/// |a - b| / |b| over all elements; infinite where the counts differ.
inline double RelativeL2(const Rows& a, const Rows& b) {
  if (a.size() != b.size()) return INFINITY;
  double error = 0, norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].size() != b[i].size()) return INFINITY;
    for (size_t k = 0; k < a[i].size(); ++k) {
      error += (double{a[i][k]} - b[i][k]) * (double{a[i][k]} - b[i][k]);
      norm += double{b[i][k]} * b[i][k];
    }
  }
  return std::sqrt(error / norm);
}

}  // namespace autoglm

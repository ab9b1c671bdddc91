// Perplexity of a text, by the method in common use for GGUF models, so that numbers compare.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/function_ref.h"
#include "base/status.h"
#include "engine/engine.h"

namespace autoglm {

struct PerplexityResult {
  double perplexity = 0;
  double standard_error = 0;  ///< of perplexity
  int n_chunks = 0;
  int64_t n_scored = 0;  ///< tokens whose probability was taken
};

/// What perplexity is computed from, token by token.
class PerplexitySums {
 public:
  /// kDataLoss where it is not a number.
  Status Add(double log_probability);
  PerplexityResult Summarize(int n_chunks) const;

 private:
  double sum_ = 0, sum_of_squares_ = 0;
  int64_t n_ = 0;
};

/// A text cut into chunks of n_ctx tokens that are computed each on its own; what is left at the
/// end is not used. With `bos_id` >= 0 the first token of every chunk is replaced by it.
class ChunkedText {
 public:
  /// `tokens` must outlive this. kInvalidArgument where n_ctx is below 4 or the text shorter than
  /// one chunk.
  static Result<ChunkedText> Create(std::span<const int32_t> tokens, int n_ctx, int32_t bos_id);

  int n_chunks() const { return static_cast<int>(tokens_.size() / chunk_.size()); }
  int n_ctx() const { return static_cast<int>(chunk_.size()); }
  /// Tokens of a chunk that are scored: those of its second half.
  int n_scored() const { return n_ctx() - 1 - n_ctx() / 2; }

  /// Computes a chunk and calls function(i, logits [vocab_size], target) for each token that is
  /// scored, i in [0, n_scored()): logits as computed before `target`; its error ends the run. The
  /// first half is computed too, but nothing is asked of it: there the model has little to go by.
  Status ForEachScored(
      Engine& engine, int chunk,
      FunctionRef<Status(int i, std::span<const float> logits, int32_t target)> function);

 private:
  ChunkedText(std::span<const int32_t> tokens, int n_ctx, int32_t bos_id)
      : tokens_(tokens), bos_id_(bos_id), chunk_(n_ctx) {}

  std::span<const int32_t> tokens_;
  int32_t bos_id_;
  std::vector<int32_t> chunk_;  ///< [n_ctx]: the one being computed
};

/// exp of the mean of -ln p(token | chunk before it) over the second half of each chunk of
/// ChunkedText. `progress` sees the result
/// so far after each chunk; its error ends the run.
/// kInvalidArgument where n_ctx is below 4 or the text shorter than one chunk; errors of the
/// engine.
Result<PerplexityResult> Perplexity(
    Engine& engine, std::span<const int32_t> tokens, int n_ctx, int32_t bos_id,
    FunctionRef<Status(const PerplexityResult& so_far, int n_chunks)> progress);

/// ln of the softmax of `logits` at `token`.
double LogProbability(std::span<const float> logits, int32_t token);

}  // namespace autoglm

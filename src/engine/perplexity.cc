#include "engine/perplexity.h"

#include <algorithm>
#include <cmath>

namespace autoglm {

Status PerplexitySums::Add(double log_probability) {
  if (!std::isfinite(log_probability)) {
    return Error(StatusCode::kDataLoss, "the model's output at scored token ", n_,
                 " is not a number");
  }
  sum_ -= log_probability;
  sum_of_squares_ += log_probability * log_probability;
  ++n_;
  return OkStatus();
}

PerplexityResult PerplexitySums::Summarize(int n_chunks) const {
  PerplexityResult result;
  result.n_chunks = n_chunks;
  result.n_scored = n_;
  const double count = static_cast<double>(n_);
  const double mean = sum_ / count;
  const double variance = sum_of_squares_ / count - mean * mean;
  result.perplexity = std::exp(mean);
  // The error of the mean, carried through exp to first order.
  if (n_ > 1 && variance > 0) {
    result.standard_error = std::sqrt(variance / (count - 1)) * result.perplexity;
  }
  return result;
}

double LogProbability(std::span<const float> logits, int32_t token) {
  const float max = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - max);
  return double{logits[token]} - max - std::log(sum);
}

Result<ChunkedText> ChunkedText::Create(std::span<const int32_t> tokens, int n_ctx,
                                        int32_t bos_id) {
  if (n_ctx < 4) {
    return Error(StatusCode::kInvalidArgument, "a chunk of ", n_ctx,
                 " tokens is too short; use at least 4");
  }
  if (tokens.size() < static_cast<size_t>(n_ctx)) {
    return Error(StatusCode::kInvalidArgument, "the text has ", tokens.size(),
                 " tokens; one chunk takes ", n_ctx, " (use a longer text or a smaller --ctx)");
  }
  return ChunkedText(tokens, n_ctx, bos_id);
}

Status ChunkedText::ForEachScored(
    Engine& engine, int chunk,
    FunctionRef<Status(int i, std::span<const float> logits, int32_t target)> function) {
  std::copy_n(tokens_.begin() + int64_t{chunk} * n_ctx(), n_ctx(), chunk_.begin());
  if (bos_id_ >= 0) chunk_[0] = bos_id_;
  // The logits at position p score token p + 1, so the last ones are not wanted.
  const std::span<const int32_t> context(chunk_.data(), chunk_.size() - 1);
  const int first = n_ctx() / 2;
  return engine.ForEachLogits(context, first, [&](int position, const Tensor& logits) {
    for (int row = 0; row < logits.rows(); ++row) {
      const std::span<const float> values(logits.f32_row(row), logits.cols());
      const int at = position + row;
      AUTOGLM_RETURN_IF_ERROR(function(at - first, values, chunk_[at + 1]));
    }
    return OkStatus();
  });
}

Result<PerplexityResult> Perplexity(
    Engine& engine, std::span<const int32_t> tokens, int n_ctx, int32_t bos_id,
    FunctionRef<Status(const PerplexityResult& so_far, int n_chunks)> progress) {
  AUTOGLM_ASSIGN_OR_RETURN(ChunkedText text, ChunkedText::Create(tokens, n_ctx, bos_id));
  PerplexitySums sums;
  for (int chunk = 0; chunk < text.n_chunks(); ++chunk) {
    AUTOGLM_RETURN_IF_ERROR(
        text.ForEachScored(engine, chunk, [&](int, std::span<const float> logits, int32_t target) {
          return sums.Add(LogProbability(logits, target));
        }));
    AUTOGLM_RETURN_IF_ERROR(progress(sums.Summarize(chunk + 1), text.n_chunks()));
  }
  return sums.Summarize(text.n_chunks());
}

}  // namespace autoglm

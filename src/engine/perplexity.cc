#include "engine/perplexity.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace autoglm {

namespace {

PerplexityResult Summarize(double sum, double sum_of_squares, int64_t n, int n_chunks) {
  PerplexityResult result;
  result.n_chunks = n_chunks;
  result.n_scored = n;
  const double count = static_cast<double>(n);
  const double mean = sum / count;
  const double variance = sum_of_squares / count - mean * mean;
  result.perplexity = std::exp(mean);
  // The error of the mean, carried through exp to first order.
  if (n > 1 && variance > 0) {
    result.standard_error = std::sqrt(variance / (count - 1)) * result.perplexity;
  }
  return result;
}

}  // namespace

double LogProbability(std::span<const float> logits, int32_t token) {
  const float max = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - max);
  return double{logits[token]} - max - std::log(sum);
}

Result<PerplexityResult> Perplexity(
    Engine& engine, std::span<const int32_t> tokens, int n_ctx, int32_t bos_id,
    FunctionRef<Status(const PerplexityResult& so_far, int n_chunks)> progress) {
  if (n_ctx < 4) {
    return Error(StatusCode::kInvalidArgument, "a chunk of ", n_ctx,
                 " tokens is too short; use at least 4");
  }
  const int n_chunks = static_cast<int>(tokens.size() / n_ctx);
  if (n_chunks == 0) {
    return Error(StatusCode::kInvalidArgument, "the text has ", tokens.size(),
                 " tokens; one chunk takes ", n_ctx, " (use a longer text or a smaller --ctx)");
  }
  double sum = 0, sum_of_squares = 0;
  int64_t n = 0;
  PerplexityResult result;
  std::vector<int32_t> chunk(n_ctx);
  for (int i = 0; i < n_chunks; ++i) {
    std::copy_n(tokens.begin() + static_cast<int64_t>(i) * n_ctx, n_ctx, chunk.begin());
    if (bos_id >= 0) chunk[0] = bos_id;
    // The logits at position p score token p + 1, so the last ones are not wanted.
    const std::span<const int32_t> context(chunk.data(), n_ctx - 1);
    AUTOGLM_RETURN_IF_ERROR(
        engine.ForEachLogits(context, n_ctx / 2, [&](int position, const Tensor& logits) {
          for (int64_t row = 0; row < logits.rows(); ++row) {
            const std::span<const float> values(logits.f32_row(row), logits.cols());
            const double nll = -LogProbability(values, chunk[position + row + 1]);
            if (!std::isfinite(nll)) {
              return Error(StatusCode::kDataLoss, "the model's output at token ",
                           static_cast<int64_t>(i) * n_ctx + position + row, " is not a number");
            }
            sum += nll;
            sum_of_squares += nll * nll;
            ++n;
          }
          return OkStatus();
        }));
    result = Summarize(sum, sum_of_squares, n, i + 1);
    AUTOGLM_RETURN_IF_ERROR(progress(result, n_chunks));
  }
  return result;
}

}  // namespace autoglm

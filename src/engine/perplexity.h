// Perplexity of a text, by the method in common use for GGUF models, so that numbers compare.
#pragma once

#include <cstdint>
#include <span>

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

/// Cuts `tokens` into chunks of n_ctx that are computed each on its own (what is left at the end is
/// not), and scores the second half of each: exp of the mean of -ln p(token | chunk before it).
/// With `bos_id` >= 0 the first token of every chunk is replaced by it. `progress` sees the result
/// so far after each chunk; its error ends the run.
/// kInvalidArgument where n_ctx is below 4 or the text shorter than one chunk; errors of the
/// engine.
Result<PerplexityResult> Perplexity(
    Engine& engine, std::span<const int32_t> tokens, int n_ctx, int32_t bos_id,
    FunctionRef<Status(const PerplexityResult& so_far, int n_chunks)> progress);

/// ln of the softmax of `logits` at `token`.
double LogProbability(std::span<const float> logits, int32_t token);

}  // namespace autoglm

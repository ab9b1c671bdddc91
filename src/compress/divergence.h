// How far one model's predictions are from another's over a text: the Kullback-Leibler divergence,
// KL(p || q) = sum p ln(p / q), of the reference's distribution p and the model's q at each token.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "compress/probed_model.h"
#include "engine/perplexity.h"
#include "text/tokenizer.h"

namespace autoglm {

struct Divergence {
  int64_t n_scored = 0;       ///< tokens that were compared
  double mean = 0;            ///< nats per token
  double p99 = 0;             ///< nats: 99 of 100 tokens diverge less
  double top1_agreement = 0;  ///< share of tokens where both find the same one likeliest
};

/// KL of the softmaxes of two rows of logits [vocab_size], in nats.
double KlDivergence(std::span<const float> reference, std::span<const float> logits);

/// Collects one row after the other.
class DivergenceSums {
 public:
  /// kDataLoss where one of them holds what is not a number.
  Status Add(std::span<const float> reference, std::span<const float> logits);
  Divergence Summarize() const;

 private:
  std::vector<float> divergences_;
  int64_t n_agreed_ = 0;
};

/// What a reference model says about every scored token of a text, kept in memory for comparing
/// many variants of a model with it: n_chunks * n_scored * vocab_size floats.
class ReferenceLogits {
 public:
  /// Reads `text` with `engine`. kResourceExhausted where memory does not suffice.
  static Result<ReferenceLogits> Compute(Engine& engine, ChunkedText& text);

  /// Over the same text.
  Result<Divergence> Compare(Engine& engine, ChunkedText& text) const;

 private:
  ReferenceLogits() = default;
  Buffer logits_;  ///< F32 [n_chunks * n_scored, vocab_size]
  int64_t vocab_size_ = 0;
};

struct TextScores {
  PerplexityResult perplexity;
  Divergence divergence;  ///< n_scored 0 without a reference
};

/// Perplexity of `tokens` and, where `reference` is not null, the divergence from it; both models
/// read the text chunk by chunk. Errors as Perplexity.
Result<TextScores> ScoreText(Engine& model, Engine* reference, std::span<const int32_t> tokens,
                             int n_ctx, int32_t bos_id, ChunkProgress progress);

/// kInvalidArgument, with the first difference, unless both give every id the same text: only then
/// can models be compared token by token.
Status CheckSameTokenizer(const Tokenizer& a, const Tokenizer& b);

}  // namespace autoglm

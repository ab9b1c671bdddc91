// Sampler: logits in, one token id out. Runs the stages of samplers.inc in order, then draws.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/rng.h"
#include "base/status.h"
#include "sampling/candidates.h"
#include "sampling/params.h"
#include "sampling/stage.h"

namespace autoglm {

struct TokenLogprob {
  int32_t id = -1;
  float logprob = 0;  ///< natural logarithm; -infinity where the probability is zero
};

/// A drawn token with what OpenAI's `logprobs` asks for. Log-probabilities are those of the model
/// itself: softmax of the logits as given, before bias, penalties, filters and temperature.
struct SampledToken {
  int32_t id = -1;
  float logprob = 0;
  std::vector<TokenLogprob> top_logprobs;  ///< [n_top] likeliest first, equals by id
};

struct TokenProbability {
  int32_t id = -1;
  float probability = 0;
};

/// Copying forks: the copy has the same history and continues the same random sequence (Reseed
/// parts them). Not thread-safe; different samplers are independent. After the first call, drawing
/// allocates nothing.
class Sampler {
 public:
  /// kOutOfRange as Validate.
  static Result<Sampler> Create(const SamplingParams& params, int32_t vocab_size);

  Sampler(const Sampler& other);
  Sampler& operator=(const Sampler& other);
  Sampler(Sampler&&) = default;
  Sampler& operator=(Sampler&&) = default;

  /// Chooses from `logits` [vocab_size] f32, which it uses as working memory: their values are
  /// unspecified afterwards. -infinity means "never". Takes one random number unless greedy. Does
  /// not Accept the token.
  /// kInvalidArgument: wrong size; kDataLoss: a NaN or +infinity (damaged weights, or an overflow
  /// in the model); kFailedPrecondition: every token has -infinity.
  Result<int32_t> Sample(std::span<float> logits);

  /// Sample, and the model's log-probabilities of the choice and of the `n_top` likeliest tokens
  /// (at most vocab_size are given; OpenAI permits 20). Reuses the memory of `out`.
  Status SampleWithLogprobs(std::span<float> logits, int32_t n_top, SampledToken* out);

  /// The log-probabilities alone, for a token that was chosen otherwise.
  void Logprobs(std::span<const float> logits, int32_t id, int32_t n_top, SampledToken* out) const;

  /// The distribution Sample would draw from: the tokens of positive probability by ascending id;
  /// the probabilities sum to 1. Errors and `logits` as for Sample; takes no random number.
  Status Distribution(std::span<float> logits, std::vector<TokenProbability>* out);

  /// Tells the penalties that `id` is now part of the text. Called for each prompt token, if
  /// penalties shall see the prompt, and for each token sampled. Ids outside the vocabulary
  /// (placeholders of images) are ignored.
  void Accept(int32_t id);

  /// Forgets the accepted tokens and starts the random sequence anew.
  void Reset();

  /// Starts another random sequence; the history stays.
  void Reseed(uint64_t seed) { rng_ = Rng(seed); }

  /// Puts a stage behind bias and penalties and before the filters, so that it acts on the whole
  /// row and under greedy decoding too: the place of a grammar's mask.
  void AddConstraint(std::unique_ptr<LogitTransform> constraint);
  /// Those added, in order; in a copy, their copies.
  std::span<const std::unique_ptr<LogitTransform>> constraints() const { return constraints_; }

  int32_t vocab_size() const { return vocab_size_; }

 private:
  Sampler(const SamplingParams& params, int32_t vocab_size);

  Status RunStages(std::span<float> logits);
  int32_t Draw();

  using Stages = std::vector<std::unique_ptr<LogitTransform>>;

  int32_t vocab_size_;
  uint64_t seed_;
  bool is_greedy_;
  Rng rng_;
  Stages adjusters_;    ///< see the whole row
  Stages constraints_;  ///< behind them; see the whole row, too
  Stages filters_;      ///< empty when greedy
  CandidateList candidates_;
  std::vector<float> raw_logits_;  ///< [vocab_size], kept only for log-probabilities
};

}  // namespace autoglm

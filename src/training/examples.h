// ExampleSet: training data as token ids, and the batches that an epoch visits them in.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"
#include "training/answer_choices.h"
#include "training/text_data.h"

namespace autoglm {

/// Sequences of tokens, of each of which the first few are given and the others are learned.
class ExampleSet {
 public:
  /// `n_given`: tokens at the front that are not scored, at least 1. `choices`: for each of the
  /// others the ids that it is one of (either all examples have them or none); a token without an
  /// alternative is not scored.
  void Add(std::span<const int32_t> tokens, int n_given, const TokenChoices* choices = nullptr);

  int size() const { return static_cast<int>(given_.size()); }
  std::span<const int32_t> tokens(int i) const {
    return std::span(tokens_).subspan(begin_[i], begin_[i + 1] - begin_[i]);
  }
  int n_given(int i) const { return given_[i]; }
  /// Positions that example `i` takes in a batch: its last token is only predicted.
  int length(int i) const { return static_cast<int>(begin_[i + 1] - begin_[i]) - 1; }
  int64_t n_tokens() const { return static_cast<int64_t>(tokens_.size()); }
  int64_t n_scored() const;
  bool has_choices() const { return !choices_.ends.empty(); }
  /// Of the `t`-th token of example `i` that is not given.
  std::span<const int32_t> choices(int i, int t) const {
    return choices_.at(first_scored_[i] + static_cast<size_t>(t));
  }

 private:
  std::vector<int32_t> tokens_;
  std::vector<size_t> begin_ = {0};
  std::vector<int> given_;
  std::vector<size_t> first_scored_ = {0};  ///< tokens of earlier examples that are not given
  TokenChoices choices_;
};

/// Pairs that are no examples.
struct LeftOut {
  int too_long = 0;
  int outside_grammar = 0;      ///< answers that the grammar does not permit
  std::string outside_example;  ///< the first of them
};

/// Makes examples of at most `n_ctx` positions. Running text is cut into windows; a pair becomes
/// the prompt as `chat_template` renders it for a user's message, then the answer and the token
/// that ends it, both learned; with `grammar` (may be null) among the choices that it leaves. Pairs
/// that cannot be used are left out and counted in `*left_out`. Errors: kInvalidArgument (pairs
/// without a template or without an end token, a grammar for running text, nothing left).
Result<ExampleSet> EncodeExamples(const TextData& data, const Tokenizer& tokenizer,
                                  const ChatTemplate* chat_template, const AnswerChoices* grammar,
                                  int n_ctx, LeftOut* left_out);

/// Some examples of similar length, padded to one: what one forward pass takes.
struct TokenBatch {
  int n_sequences = 0, n_positions = 0;
  std::vector<int32_t> tokens;       ///< [n_sequences, n_positions], padded with 0
  std::vector<int32_t> scored_rows;  ///< of tokens, flat, where a prediction counts
  std::vector<int32_t> targets;      ///< the token to be predicted there
  TokenChoices choices;              ///< what each target is one of; empty: any token
  int64_t n_tokens = 0;              ///< without padding
};
TokenBatch MakeBatch(const ExampleSet& examples, std::span<const int> indices);

/// Splits `examples` into batches of at most `max_tokens` positions with padding (one example may
/// have more). The order is a function of `seed` and `epoch` alone: examples are shuffled, then
/// sorted by length within stretches of some batches, then the batches are shuffled.
std::vector<std::vector<int>> EpochBatches(const ExampleSet& examples, int64_t max_tokens,
                                           uint64_t seed, int64_t epoch);
/// The same in the order of the examples, as validation visits them: sorted by length only.
std::vector<std::vector<int>> OrderedBatches(const ExampleSet& examples, int64_t max_tokens);

}  // namespace autoglm

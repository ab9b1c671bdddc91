// ExampleSet: training data as token ids, and the batches that an epoch visits them in.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/status.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"
#include "training/text_data.h"

namespace autoglm {

/// Sequences of tokens, of each of which the first few are given and the others are learned.
class ExampleSet {
 public:
  /// `n_given`: tokens at the front that are not scored, at least 1.
  void Add(std::span<const int32_t> tokens, int n_given);

  int size() const { return static_cast<int>(given_.size()); }
  std::span<const int32_t> tokens(int i) const {
    return std::span(tokens_).subspan(begin_[i], begin_[i + 1] - begin_[i]);
  }
  int n_given(int i) const { return given_[i]; }
  /// Positions that example `i` takes in a batch: its last token is only predicted.
  int length(int i) const { return static_cast<int>(begin_[i + 1] - begin_[i]) - 1; }
  int64_t n_tokens() const { return static_cast<int64_t>(tokens_.size()); }
  int64_t n_scored() const;

 private:
  std::vector<int32_t> tokens_;
  std::vector<size_t> begin_ = {0};
  std::vector<int> given_;
};

/// Makes examples of at most `n_ctx` positions. Running text is cut into windows; a pair becomes
/// the prompt as `chat_template` renders it for a user's message, then the answer and the token
/// that ends it, both learned. Pairs that are too long are left out and counted in `*n_left_out`.
/// Errors: kInvalidArgument (pairs without a template or without an end token, nothing left).
Result<ExampleSet> EncodeExamples(const TextData& data, const Tokenizer& tokenizer,
                                  const ChatTemplate* chat_template, int n_ctx, int* n_left_out);

/// Some examples of similar length, padded to one: what one forward pass takes.
struct TokenBatch {
  int n_sequences = 0, n_positions = 0;
  std::vector<int32_t> tokens;       ///< [n_sequences, n_positions], padded with 0
  std::vector<int32_t> scored_rows;  ///< of tokens, flat, where a prediction counts
  std::vector<int32_t> targets;      ///< the token to be predicted there
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

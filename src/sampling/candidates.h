// CandidateList: the tokens still in play while a sampling chain runs, always by ascending id, so
// that nothing depends on how a selection algorithm happens to order equals.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace autoglm {

/// Starts as the whole row of logits, where index = id, and shrinks in place. Buffers grow to the
/// vocabulary size at most and are kept between rows. Not thread-safe.
class CandidateList {
 public:
  /// Starts over with all of `row` ([vocab_size]), which must outlive the use and is modified.
  void Reset(std::span<float> row);

  size_t size() const { return logits_.size(); }
  int32_t id(size_t i) const { return is_whole_row_ ? static_cast<int32_t>(i) : ids_[i]; }
  std::span<const float> logits() const { return logits_; }
  /// For stages that change logits; forgets the weights.
  std::span<float> mutable_logits() {
    has_weights_ = false;
    return logits_;
  }

  /// The largest logit now.
  float MaxLogit() const;
  /// [size()] probabilities times a constant: exp(logit - m), where m was the largest logit when
  /// they were computed. Kept until logits change.
  std::span<const float> Weights();

  /// [size()] working memory for a stage; unspecified content.
  std::span<uint32_t> ScratchKeys();

  /// Keeps the candidates for which `keep(i)` holds, asked once for each in ascending order. It may
  /// read this list at i and beyond.
  template <typename Predicate>
  void KeepIf(Predicate keep);

 private:
  std::span<float> logits_;
  std::vector<int32_t> ids_;    ///< [>= size()] valid unless is_whole_row_
  std::vector<float> weights_;  ///< [>= size()] valid if has_weights_
  std::vector<uint32_t> keys_;
  bool is_whole_row_ = true;
  bool has_weights_ = false;
};

template <typename Predicate>
void CandidateList::KeepIf(Predicate keep) {
  if (ids_.size() < size()) ids_.resize(size());
  // In blocks: most hold nothing to keep and cost one vectorized test; the others are compacted
  // without branches, which nobody could predict.
  constexpr size_t kBlock = 64;
  size_t n_kept = 0;
  for (size_t begin = 0; begin < size(); begin += kBlock) {
    const size_t n = std::min(kBlock, size() - begin);
    uint8_t kept[kBlock];
    uint8_t any = 0;
    for (size_t j = 0; j < n; ++j) {
      kept[j] = keep(begin + j);
      any |= kept[j];
    }
    if (any == 0) continue;
    for (size_t i = begin; i < begin + n; ++i) {
      ids_[n_kept] = id(i);
      logits_[n_kept] = logits_[i];
      if (has_weights_) weights_[n_kept] = weights_[i];
      n_kept += kept[i - begin];
    }
  }
  logits_ = logits_.first(n_kept);
  is_whole_row_ = false;
}

}  // namespace autoglm

#include "sampling/candidates.h"

#include "sampling/vector_math.h"

namespace autoglm {

void CandidateList::Reset(std::span<float> row) {
  logits_ = row;
  is_whole_row_ = true;
  has_weights_ = false;
}

float CandidateList::MaxLogit() const { return MaxOf(logits_).value; }

std::span<const float> CandidateList::Weights() {
  if (!has_weights_) {
    if (weights_.size() < size()) weights_.resize(size());
    ExpBelowMax(logits_, MaxLogit(), weights_.data());
    has_weights_ = true;
  }
  return {weights_.data(), size()};
}

std::span<uint32_t> CandidateList::ScratchKeys() {
  if (keys_.size() < size()) keys_.resize(size());
  return {keys_.data(), size()};
}

}  // namespace autoglm

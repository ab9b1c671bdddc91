// GrammarConstraint: a grammar as a stage of the sampling chain.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "sampling/grammar/grammar.h"
#include "sampling/stage.h"

namespace autoglm {

/// For Sampler::AddConstraint. Where the grammar fails no token is left, and status() says why.
class GrammarConstraint final : public LogitTransform {
 public:
  explicit GrammarConstraint(GrammarMatcher matcher)
      : start_(matcher), matcher_(std::move(matcher)) {}

  void Apply(CandidateList& candidates) override {
    const std::span<float> logits = candidates.mutable_logits();
    if (status_.ok()) status_ = matcher_.MaskLogits(logits);
    if (!status_.ok()) std::fill(logits.begin(), logits.end(), -INFINITY);
  }
  void Accept(int32_t id) override {
    if (status_.ok()) status_ = matcher_.Accept(id);
  }
  void Reset() override {
    matcher_ = start_;
    status_ = OkStatus();
  }
  std::unique_ptr<LogitTransform> Clone() const override {
    return std::make_unique<GrammarConstraint>(*this);
  }

  const GrammarMatcher& matcher() const { return matcher_; }
  const Status& status() const { return status_; }

 private:
  GrammarMatcher start_;
  GrammarMatcher matcher_;
  Status status_;
};

}  // namespace autoglm

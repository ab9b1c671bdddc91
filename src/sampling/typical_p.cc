// Typical-p, or locally typical sampling (Meister et al. 2022): takes tokens by ascending
// |-ln p - H|, H the entropy of the distribution, until their probabilities sum to at least
// typical_p. With d = logit - max and p = exp(d) / sum, the logarithm of the sum cancels:
// -ln p - H = mean(d) - d, where mean(d) = sum of p d. So no logarithm is taken.
#include <cmath>

#include "sampling/mass_cut.h"
#include "sampling/stage.h"
#include "sampling/vector_math.h"

namespace autoglm {

namespace {

class TypicalP : public LogitTransform {
 public:
  explicit TypicalP(float p) : p_(p) {}

  void Apply(CandidateList& candidates) override {
    const std::span<const float> weights = candidates.Weights();
    const std::span<const float> logits = candidates.logits();
    const double total = SumOf(weights);
    const float max = candidates.MaxLogit();
    double mean = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      // Not for weight 0: there d may be -infinity.
      if (weights[i] > 0) mean += static_cast<double>(weights[i]) * (logits[i] - max);
    }
    mean /= total;

    const std::span<uint32_t> keys = candidates.ScratchKeys();
    for (size_t i = 0; i < keys.size(); ++i) {
      keys[i] = AscendingKey(static_cast<float>(std::abs(mean - (logits[i] - max))));
    }
    const MassCut cut = FindMassCut(keys, weights, p_ * total);
    candidates.KeepIf([&](size_t i) { return cut.Keeps(keys[i], i); });
  }

  std::unique_ptr<LogitTransform> Clone() const override {
    return std::make_unique<TypicalP>(*this);
  }

 private:
  float p_;
};

Status ValidateFields(const SamplingParams& params, int32_t /*vocab_size*/) {
  if (!(params.typical_p > 0 && params.typical_p <= 1)) {
    return OutOfRange("typical_p", params.typical_p, "in (0, 1] (1 is off)");
  }
  return OkStatus();
}

std::unique_ptr<LogitTransform> Make(const SamplingParams& params, int32_t /*vocab_size*/) {
  if (params.typical_p == 1) return nullptr;
  return std::make_unique<TypicalP>(params.typical_p);
}

}  // namespace

extern const SamplerStage kTypicalPStage;
const SamplerStage kTypicalPStage = {"typical_p", SamplerStage::Phase::kFilter, ValidateFields,
                                     Make};

}  // namespace autoglm

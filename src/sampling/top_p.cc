// Top-p, or nucleus sampling: keeps the smallest set of likeliest tokens whose probabilities sum to
// at least p (Holtzman et al. 2019). At least one stays; equals at the edge: the lowest ids.
#include "sampling/mass_cut.h"
#include "sampling/stage.h"
#include "sampling/vector_math.h"

namespace autoglm {

namespace {

class TopP : public LogitTransform {
 public:
  explicit TopP(float p) : p_(p) {}

  void Apply(CandidateList& candidates) override {
    std::span<const float> weights = candidates.Weights();
    const double total = SumOf(weights);
    const double target = static_cast<double>(p_) * total;
    // All tokens below the share (1 - p) / n sum to less than 1 - p, so none of them is needed.
    // With a trained model's peaked distribution this leaves few.
    const float needless =
        static_cast<float>((1.0 - p_) * 0.999 * total / static_cast<double>(weights.size()));
    candidates.KeepIf([&](size_t i) { return weights[i] > needless; });

    weights = candidates.Weights();
    const std::span<const float> logits = candidates.logits();
    const std::span<uint32_t> keys = candidates.ScratchKeys();
    for (size_t i = 0; i < keys.size(); ++i) keys[i] = DescendingKey(logits[i]);
    const MassCut cut = FindMassCut(keys, weights, target);
    candidates.KeepIf([&](size_t i) { return cut.Keeps(keys[i], i); });
  }

  std::unique_ptr<LogitTransform> Clone() const override { return std::make_unique<TopP>(*this); }

 private:
  float p_;
};

Status ValidateFields(const SamplingParams& params, int32_t /*vocab_size*/) {
  if (!(params.top_p >= 0 && params.top_p <= 1)) {
    return OutOfRange("top_p", params.top_p, "in [0, 1] (1 is off)");
  }
  return OkStatus();
}

std::unique_ptr<LogitTransform> Make(const SamplingParams& params, int32_t /*vocab_size*/) {
  if (params.top_p == 1) return nullptr;
  return std::make_unique<TopP>(params.top_p);
}

}  // namespace

extern const SamplerStage kTopPStage;
const SamplerStage kTopPStage = {"top_p", SamplerStage::Phase::kFilter, ValidateFields, Make};

}  // namespace autoglm

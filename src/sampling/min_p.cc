// Min-p: keeps tokens with probability >= min_p * the largest probability (Nguyen et al. 2024,
// "Turning Up the Heat"). As logits: l >= max + ln(min_p), which needs no softmax.
#include <cmath>

#include "sampling/stage.h"

namespace autoglm {

namespace {

class MinP : public LogitTransform {
 public:
  explicit MinP(float min_p) : log_min_p_(std::log(static_cast<double>(min_p))) {}

  void Apply(CandidateList& candidates) override {
    const double lowest = candidates.MaxLogit() + log_min_p_;
    const std::span<const float> logits = candidates.logits();
    candidates.KeepIf([&](size_t i) { return logits[i] >= lowest; });
  }

  std::unique_ptr<LogitTransform> Clone() const override { return std::make_unique<MinP>(*this); }

 private:
  double log_min_p_;
};

Status ValidateFields(const SamplingParams& params, int32_t /*vocab_size*/) {
  if (!(params.min_p >= 0 && params.min_p <= 1)) {
    return OutOfRange("min_p", params.min_p, "in [0, 1] (0 is off)");
  }
  return OkStatus();
}

std::unique_ptr<LogitTransform> Make(const SamplingParams& params, int32_t /*vocab_size*/) {
  if (params.min_p == 0) return nullptr;
  return std::make_unique<MinP>(params.min_p);
}

}  // namespace

extern const SamplerStage kMinPStage;
const SamplerStage kMinPStage = {"min_p", SamplerStage::Phase::kFilter, ValidateFields, Make};

}  // namespace autoglm

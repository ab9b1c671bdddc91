// Temperature: l = (l - max) / T over what the filters left; the shift changes no probability and
// keeps a tiny T from overflowing. T = 0 never gets here: Sampler is greedy then.
#include <cmath>

#include "sampling/stage.h"

namespace autoglm {

namespace {

class Temperature : public LogitTransform {
 public:
  explicit Temperature(float temperature) : temperature_(temperature) {}

  void Apply(CandidateList& candidates) override {
    const float max = candidates.MaxLogit();
    // A division: 1 / T is infinite for the smallest T.
    for (float& logit : candidates.mutable_logits()) logit = (logit - max) / temperature_;
  }

  std::unique_ptr<LogitTransform> Clone() const override {
    return std::make_unique<Temperature>(*this);
  }

 private:
  float temperature_;
};

Status ValidateFields(const SamplingParams& params, int32_t /*vocab_size*/) {
  if (!(params.temperature >= 0 && std::isfinite(params.temperature))) {
    return OutOfRange("temperature", params.temperature,
                      "a finite number of at least 0 (0 is greedy)");
  }
  return OkStatus();
}

std::unique_ptr<LogitTransform> Make(const SamplingParams& params, int32_t /*vocab_size*/) {
  if (params.temperature == 1) return nullptr;
  return std::make_unique<Temperature>(params.temperature);
}

}  // namespace

extern const SamplerStage kTemperatureStage;
const SamplerStage kTemperatureStage = {"temperature", SamplerStage::Phase::kFilter, ValidateFields,
                                        Make};

}  // namespace autoglm

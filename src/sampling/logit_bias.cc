// Logit bias: logit[id] += bias, the `logit_bias` of the OpenAI API. First in the chain, so that a
// penalty sees the biased logit.
#include <cmath>

#include "sampling/stage.h"

namespace autoglm {

namespace {

class LogitBias : public LogitTransform {
 public:
  explicit LogitBias(std::vector<std::pair<int32_t, float>> biases) : biases_(std::move(biases)) {}

  void Apply(CandidateList& candidates) override {
    const std::span<float> logits = candidates.mutable_logits();
    for (const auto& [id, bias] : biases_) logits[id] += bias;
  }

  std::unique_ptr<LogitTransform> Clone() const override {
    return std::make_unique<LogitBias>(*this);
  }

 private:
  std::vector<std::pair<int32_t, float>> biases_;
};

Status ValidateFields(const SamplingParams& params, int32_t vocab_size) {
  for (const auto& [id, bias] : params.logit_bias) {
    if (id < 0 || id >= vocab_size) {
      return OutOfRange("a token id of logit_bias", id, StrCat("in [0, ", vocab_size - 1, "]"));
    }
    if (bias != -INFINITY && !(bias >= -100 && bias <= 100)) {
      return OutOfRange(StrCat("logit_bias of token ", id), bias, "in [-100, 100] or -infinity");
    }
  }
  return OkStatus();
}

std::unique_ptr<LogitTransform> Make(const SamplingParams& params, int32_t /*vocab_size*/) {
  if (params.logit_bias.empty()) return nullptr;
  return std::make_unique<LogitBias>(params.logit_bias);
}

}  // namespace

extern const SamplerStage kLogitBiasStage;
const SamplerStage kLogitBiasStage = {"logit_bias", SamplerStage::Phase::kAdjust, ValidateFields,
                                      Make};

}  // namespace autoglm

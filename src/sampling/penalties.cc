// Penalties on tokens among the last penalty_last_n accepted, for a token seen `count` times:
//   repetition           l = l > 0 ? l / penalty : l * penalty      (Keskar et al. 2019, CTRL)
//   frequency, presence  l = l - count * frequency - presence       (OpenAI API)
// in this order, which is llama.cpp's.
#include "sampling/stage.h"
#include "sampling/token_window.h"

namespace autoglm {

namespace {

class Penalties : public LogitTransform {
 public:
  Penalties(const SamplingParams& params, int32_t vocab_size)
      : repetition_(params.repetition_penalty),
        presence_(params.presence_penalty),
        frequency_(params.frequency_penalty),
        seen_(vocab_size, params.penalty_last_n) {}

  void Apply(CandidateList& candidates) override {
    const std::span<float> logits = candidates.mutable_logits();
    for (const TokenWindow::Entry& seen : seen_.entries()) {
      float& logit = logits[seen.id];
      logit = logit > 0 ? logit / repetition_ : logit * repetition_;
      logit -= static_cast<float>(seen.count) * frequency_ + presence_;
    }
  }

  void Accept(int32_t id) override { seen_.Add(id); }
  void Reset() override { seen_.Clear(); }
  std::unique_ptr<LogitTransform> Clone() const override {
    return std::make_unique<Penalties>(*this);
  }

 private:
  float repetition_;
  float presence_;
  float frequency_;
  TokenWindow seen_;
};

Status ValidateFields(const SamplingParams& params, int32_t /*vocab_size*/) {
  if (!(params.repetition_penalty >= 0.01f && params.repetition_penalty <= 100)) {
    return OutOfRange("repetition_penalty", params.repetition_penalty, "in [0.01, 100] (1 is off)");
  }
  if (!(params.presence_penalty >= -2 && params.presence_penalty <= 2)) {
    return OutOfRange("presence_penalty", params.presence_penalty, "in [-2, 2] (0 is off)");
  }
  if (!(params.frequency_penalty >= -2 && params.frequency_penalty <= 2)) {
    return OutOfRange("frequency_penalty", params.frequency_penalty, "in [-2, 2] (0 is off)");
  }
  if (params.penalty_last_n < -1) {
    return OutOfRange("penalty_last_n", params.penalty_last_n, "at least -1 (-1 is all tokens)");
  }
  return OkStatus();
}

std::unique_ptr<LogitTransform> Make(const SamplingParams& params, int32_t vocab_size) {
  const bool is_off = params.repetition_penalty == 1 && params.presence_penalty == 0 &&
                      params.frequency_penalty == 0;
  if (is_off || params.penalty_last_n == 0) return nullptr;
  return std::make_unique<Penalties>(params, vocab_size);
}

}  // namespace

extern const SamplerStage kPenaltiesStage;
const SamplerStage kPenaltiesStage = {"penalties", SamplerStage::Phase::kAdjust, ValidateFields,
                                      Make};

}  // namespace autoglm

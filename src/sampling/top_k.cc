// Top-k: keeps the k largest logits (Fan et al. 2018). Equals at the edge: the lowest ids stay, so
// that exactly k do, as in llama.cpp; Hugging Face keeps all equals.
#include <algorithm>
#include <limits>
#include <vector>

#include "sampling/stage.h"

namespace autoglm {

namespace {

struct Ranked {
  float logit;
  int32_t id;
};

bool RanksBefore(const Ranked& a, const Ranked& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

class TopK : public LogitTransform {
 public:
  explicit TopK(int32_t k) : k_(static_cast<size_t>(k)) {}

  void Apply(CandidateList& candidates) override {
    if (k_ >= candidates.size()) return;
    const Ranked last = KthBest(candidates);
    const std::span<const float> logits = candidates.logits();
    candidates.KeepIf([&](size_t i) {
      if (logits[i] != last.logit) return logits[i] > last.logit;
      return candidates.id(i) <= last.id;
    });
  }

  std::unique_ptr<LogitTransform> Clone() const override { return std::make_unique<TopK>(k_); }

 private:
  // One pass that collects what beats the k-th best so far, and every k more (but at least 1024)
  // reduces the collection to k with nth_element: linear time, and for small k hardly more than
  // reading the row.
  Ranked KthBest(const CandidateList& candidates) {
    const std::span<const float> logits = candidates.logits();
    const size_t capacity = k_ + std::max<size_t>(k_, 1024);
    best_.clear();
    best_.reserve(std::min(capacity, candidates.size()));
    float bar = -std::numeric_limits<float>::infinity();
    bool has_bar = false;
    const auto reduce = [&] {
      std::nth_element(best_.begin(), best_.begin() + (k_ - 1), best_.end(), RanksBefore);
      best_.resize(k_);
    };
    for (size_t i = 0; i < logits.size(); ++i) {
      // Ids ascend, so an equal of the k-th best comes too late.
      if (has_bar && !(logits[i] > bar)) continue;
      best_.push_back({logits[i], candidates.id(i)});
      if (best_.size() < capacity) continue;
      reduce();
      bar = best_.back().logit;
      has_bar = true;
    }
    reduce();
    return best_.back();
  }

  size_t k_;
  std::vector<Ranked> best_;
};

Status ValidateFields(const SamplingParams& params, int32_t /*vocab_size*/) {
  if (params.top_k < 0) return OutOfRange("top_k", params.top_k, "at least 0 (0 is off)");
  return OkStatus();
}

std::unique_ptr<LogitTransform> Make(const SamplingParams& params, int32_t vocab_size) {
  if (params.top_k == 0 || params.top_k >= vocab_size) return nullptr;
  return std::make_unique<TopK>(params.top_k);
}

}  // namespace

extern const SamplerStage kTopKStage;
const SamplerStage kTopKStage = {"top_k", SamplerStage::Phase::kFilter, ValidateFields, Make};

}  // namespace autoglm

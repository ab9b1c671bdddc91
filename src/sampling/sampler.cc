#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "sampling/vector_math.h"

namespace autoglm {

#define AUTOGLM_SAMPLER(Name) extern const SamplerStage k##Name##Stage;
#include "sampling/samplers.inc"
#undef AUTOGLM_SAMPLER

namespace {

constexpr const SamplerStage* kStages[] = {
#define AUTOGLM_SAMPLER(Name) &k##Name##Stage,
#include "sampling/samplers.inc"
#undef AUTOGLM_SAMPLER
};

std::vector<std::unique_ptr<LogitTransform>> CloneAll(
    const std::vector<std::unique_ptr<LogitTransform>>& stages) {
  std::vector<std::unique_ptr<LogitTransform>> copies;
  for (const auto& stage : stages) copies.push_back(stage->Clone());
  return copies;
}

Status CheckDrawable(std::span<const float> logits) {
  const MaxResult max = MaxOf(logits);
  if (max.has_nan || max.value == INFINITY) {
    const auto bad = std::find_if(logits.begin(), logits.end(),
                                  [](float l) { return std::isnan(l) || l == INFINITY; });
    return Error(StatusCode::kDataLoss, "the logit of token ", bad - logits.begin(), " is ", *bad,
                 "; the model's weights are damaged or its arithmetic overflowed");
  }
  if (max.value == -INFINITY) {
    return Error(StatusCode::kFailedPrecondition, "no token can be chosen: all ", logits.size(),
                 " logits are -infinity (bias and constraints rule out every token)");
  }
  return OkStatus();
}

int32_t FirstOfLargest(std::span<const float> logits) {
  const auto best = std::find(logits.begin(), logits.end(), MaxOf(logits).value);
  return static_cast<int32_t>(best - logits.begin());
}

float LogSumExp(std::span<const float> logits) {
  const float max = MaxOf(logits).value;
  float weights[256];
  double sum = 0;
  for (size_t i = 0; i < logits.size(); i += std::size(weights)) {
    const auto block = logits.subspan(i, std::min(std::size(weights), logits.size() - i));
    ExpBelowMax(block, max, weights);
    sum += SumOf({weights, block.size()});
  }
  return static_cast<float>(max + std::log(sum));
}

void TopLogprobs(std::span<const float> logits, size_t n_top, std::vector<TokenLogprob>* out) {
  // A heap of the n best so far, the worst of them in front.
  const auto ranks_before = [](const TokenLogprob& a, const TokenLogprob& b) {
    return a.logprob > b.logprob || (a.logprob == b.logprob && a.id < b.id);
  };
  out->clear();
  for (size_t i = 0; i < logits.size() && n_top > 0; ++i) {
    const TokenLogprob candidate{static_cast<int32_t>(i), logits[i]};
    if (out->size() == n_top) {
      if (!ranks_before(candidate, out->front())) continue;
      std::pop_heap(out->begin(), out->end(), ranks_before);
      out->pop_back();
    }
    out->push_back(candidate);
    std::push_heap(out->begin(), out->end(), ranks_before);
  }
  std::sort_heap(out->begin(), out->end(), ranks_before);
}

}  // namespace

std::span<const SamplerStage* const> AllSamplerStages() { return kStages; }

Status Validate(const SamplingParams& params, int32_t vocab_size) {
  if (vocab_size <= 0) return OutOfRange("vocab_size", vocab_size, "at least 1");
  for (const SamplerStage* stage : kStages) {
    AUTOGLM_RETURN_IF_ERROR(stage->validate(params, vocab_size));
  }
  return OkStatus();
}

Result<Sampler> Sampler::Create(const SamplingParams& params, int32_t vocab_size) {
  AUTOGLM_RETURN_IF_ERROR(Validate(params, vocab_size));
  return Sampler(params, vocab_size);
}

Sampler::Sampler(const SamplingParams& params, int32_t vocab_size)
    : vocab_size_(vocab_size),
      seed_(params.seed),
      is_greedy_(params.temperature == 0),
      rng_(params.seed) {
  for (const SamplerStage* stage : kStages) {
    const bool is_filter = stage->phase == SamplerStage::Phase::kFilter;
    if (is_filter && is_greedy_) continue;
    auto transform = stage->make(params, vocab_size);
    if (transform) (is_filter ? filters_ : adjusters_).push_back(std::move(transform));
  }
}

Sampler::Sampler(const Sampler& other)
    : vocab_size_(other.vocab_size_),
      seed_(other.seed_),
      is_greedy_(other.is_greedy_),
      rng_(other.rng_),
      adjusters_(CloneAll(other.adjusters_)),
      constraints_(CloneAll(other.constraints_)),
      filters_(CloneAll(other.filters_)) {}

Sampler& Sampler::operator=(const Sampler& other) { return *this = Sampler(other); }

Status Sampler::RunStages(std::span<float> logits) {
  if (logits.size() != static_cast<size_t>(vocab_size_)) {
    return Error(StatusCode::kInvalidArgument, "got ", logits.size(), " logits; expected ",
                 vocab_size_, ", one per token of the vocabulary");
  }
  candidates_.Reset(logits);
  for (const auto& stage : adjusters_) stage->Apply(candidates_);
  for (const auto& stage : constraints_) stage->Apply(candidates_);
  AUTOGLM_RETURN_IF_ERROR(CheckDrawable(logits));
  for (const auto& stage : filters_) stage->Apply(candidates_);
  return OkStatus();
}

Result<int32_t> Sampler::Sample(std::span<float> logits) {
  AUTOGLM_RETURN_IF_ERROR(RunStages(logits));
  return is_greedy_ ? FirstOfLargest(logits) : Draw();
}

// Inverts the cumulative distribution, by ascending id, at one uniform random number.
int32_t Sampler::Draw() {
  const std::span<const float> weights = candidates_.Weights();
  const double target = rng_.NextDouble() * SumOf(weights);
  double sum = 0;
  size_t drawn = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    drawn = i;  // the last of positive weight, if rounding leaves the sum below target
    sum += weights[i];
    if (target < sum) break;
  }
  return candidates_.id(drawn);
}

Status Sampler::SampleWithLogprobs(std::span<float> logits, int32_t n_top, SampledToken* out) {
  raw_logits_.assign(logits.begin(), logits.end());
  AUTOGLM_ASSIGN_OR_RETURN(out->id, Sample(logits));
  AUTOGLM_RETURN_IF_ERROR(CheckDrawable(raw_logits_));  // a constraint may have hidden a NaN
  Logprobs(raw_logits_, out->id, n_top, out);
  return OkStatus();
}

void Sampler::Logprobs(std::span<const float> logits, int32_t id, int32_t n_top,
                       SampledToken* out) const {
  const float log_sum = LogSumExp(logits);
  out->id = id;
  out->logprob = logits[id] - log_sum;
  TopLogprobs(logits, static_cast<size_t>(std::clamp(n_top, 0, vocab_size_)), &out->top_logprobs);
  for (TokenLogprob& top : out->top_logprobs) top.logprob -= log_sum;
}

Status Sampler::Distribution(std::span<float> logits, std::vector<TokenProbability>* out) {
  out->clear();
  AUTOGLM_RETURN_IF_ERROR(RunStages(logits));
  if (is_greedy_) {
    out->push_back({FirstOfLargest(logits), 1.0f});
    return OkStatus();
  }
  const std::span<const float> weights = candidates_.Weights();
  const double total = SumOf(weights);
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    out->push_back({candidates_.id(i), static_cast<float>(weights[i] / total)});
  }
  return OkStatus();
}

void Sampler::Accept(int32_t id) {
  if (id < 0 || id >= vocab_size_) return;
  for (const auto& stage : adjusters_) stage->Accept(id);
  for (const auto& stage : constraints_) stage->Accept(id);
  for (const auto& stage : filters_) stage->Accept(id);
}

void Sampler::Reset() {
  rng_ = Rng(seed_);
  for (const auto& stage : adjusters_) stage->Reset();
  for (const auto& stage : constraints_) stage->Reset();
  for (const auto& stage : filters_) stage->Reset();
}

void Sampler::AddConstraint(std::unique_ptr<LogitTransform> constraint) {
  constraints_.push_back(std::move(constraint));
}

}  // namespace autoglm

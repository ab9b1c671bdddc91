#include "compress/divergence.h"

#include <algorithm>
#include <cmath>

#include "tensor/buffer.h"

namespace autoglm {

namespace {

struct Softmax {
  double max, log_sum;
  explicit Softmax(std::span<const float> logits)
      : max(*std::max_element(logits.begin(), logits.end())) {
    double sum = 0;
    for (const float logit : logits) sum += std::exp(logit - max);
    log_sum = std::log(sum);
  }
  double LogProbability(float logit) const { return logit - max - log_sum; }
};

int64_t ArgMax(std::span<const float> logits) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

}  // namespace

double KlDivergence(std::span<const float> reference, std::span<const float> logits) {
  const Softmax p(reference), q(logits);
  double sum = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double log_p = p.LogProbability(reference[i]);
    sum += std::exp(log_p) * (log_p - q.LogProbability(logits[i]));
  }
  return sum;
}

Status DivergenceSums::Add(std::span<const float> reference, std::span<const float> logits) {
  const double kl = KlDivergence(reference, logits);
  if (!std::isfinite(kl)) {
    return Error(StatusCode::kDataLoss, "a model's output at scored token ", divergences_.size(),
                 " is not a number");
  }
  divergences_.push_back(static_cast<float>(std::max(kl, 0.0)));  // rounding may go below
  n_agreed_ += ArgMax(reference) == ArgMax(logits);
  return OkStatus();
}

Divergence DivergenceSums::Summarize() const {
  Divergence result;
  result.n_scored = static_cast<int64_t>(divergences_.size());
  if (divergences_.empty()) return result;
  const auto count = static_cast<double>(divergences_.size());
  for (const float kl : divergences_) result.mean += kl / count;
  std::vector<float> sorted = divergences_;
  const size_t at = (sorted.size() - 1) * 99 / 100;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<int64_t>(at), sorted.end());
  result.p99 = sorted[at];
  result.top1_agreement = static_cast<double>(n_agreed_) / count;
  return result;
}

Result<ReferenceLogits> ReferenceLogits::Compute(Engine& engine, ChunkedText& text) {
  ReferenceLogits reference;
  reference.vocab_size_ = engine.model().config().vocab_size;
  const int64_t n_rows = int64_t{text.n_chunks()} * text.n_scored();
  AUTOGLM_ASSIGN_OR_RETURN(
      reference.logits_,
      Buffer::Allocate(static_cast<size_t>(n_rows * reference.vocab_size_) * sizeof(float),
                       "the reference's logits"));
  float* rows = reinterpret_cast<float*>(reference.logits_.data());
  for (int chunk = 0; chunk < text.n_chunks(); ++chunk) {
    AUTOGLM_RETURN_IF_ERROR(
        text.ForEachScored(engine, chunk, [&](int i, std::span<const float> logits, int32_t) {
          const int64_t row = int64_t{chunk} * text.n_scored() + i;
          std::copy(logits.begin(), logits.end(), rows + row * reference.vocab_size_);
          return OkStatus();
        }));
  }
  return reference;
}

Result<Divergence> ReferenceLogits::Compare(Engine& engine, ChunkedText& text) const {
  const float* rows = reinterpret_cast<const float*>(logits_.data());
  DivergenceSums sums;
  for (int chunk = 0; chunk < text.n_chunks(); ++chunk) {
    AUTOGLM_RETURN_IF_ERROR(
        text.ForEachScored(engine, chunk, [&](int i, std::span<const float> logits, int32_t) {
          const int64_t row = int64_t{chunk} * text.n_scored() + i;
          return sums.Add({rows + row * vocab_size_, static_cast<size_t>(vocab_size_)}, logits);
        }));
  }
  return sums.Summarize();
}

Result<TextScores> ScoreText(Engine& model, Engine* reference, std::span<const int32_t> tokens,
                             int n_ctx, int32_t bos_id, ChunkProgress progress) {
  AUTOGLM_ASSIGN_OR_RETURN(ChunkedText text, ChunkedText::Create(tokens, n_ctx, bos_id));
  const auto vocab_size = static_cast<size_t>(model.model().config().vocab_size);
  Buffer expected;  // F32 [n_scored, vocab_size]: of one chunk
  if (reference != nullptr) {
    const size_t n_bytes = static_cast<size_t>(text.n_scored()) * vocab_size * sizeof(float);
    AUTOGLM_ASSIGN_OR_RETURN(expected, Buffer::Allocate(n_bytes, "the reference's logits"));
  }
  float* rows = reinterpret_cast<float*>(expected.data());
  PerplexitySums perplexity;
  DivergenceSums divergence;
  for (int chunk = 0; chunk < text.n_chunks(); ++chunk) {
    if (reference != nullptr) {
      AUTOGLM_RETURN_IF_ERROR(
          text.ForEachScored(*reference, chunk, [&](int i, std::span<const float> logits, int32_t) {
            std::copy(logits.begin(), logits.end(), rows + static_cast<size_t>(i) * vocab_size);
            return OkStatus();
          }));
    }
    AUTOGLM_RETURN_IF_ERROR(
        text.ForEachScored(model, chunk, [&](int i, std::span<const float> logits, int32_t target) {
          AUTOGLM_RETURN_IF_ERROR(perplexity.Add(LogProbability(logits, target)));
          if (reference == nullptr) return OkStatus();
          return divergence.Add({rows + static_cast<size_t>(i) * vocab_size, vocab_size}, logits);
        }));
    AUTOGLM_RETURN_IF_ERROR(progress(chunk + 1, text.n_chunks()));
  }
  return TextScores{perplexity.Summarize(text.n_chunks()), divergence.Summarize()};
}

Status CheckSameTokenizer(const Tokenizer& a, const Tokenizer& b) {
  if (a.vocab_size() != b.vocab_size()) {
    return Error(StatusCode::kInvalidArgument, "the models' tokenizers differ: one has ",
                 a.vocab_size(), " tokens, the other ", b.vocab_size());
  }
  for (int32_t id = 0; id < a.vocab_size(); ++id) {
    if (a.TokenBytes(id) == b.TokenBytes(id)) continue;
    return Error(StatusCode::kInvalidArgument, "the models' tokenizers differ: token ", id, " is '",
                 Quoted(a.TokenBytes(id)), "' for one and '", Quoted(b.TokenBytes(id)),
                 "' for the other");
  }
  return OkStatus();
}

}  // namespace autoglm

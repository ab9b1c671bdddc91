// The seam of the sampling chain: LogitTransform, which acts, and SamplerStage, which describes one
// row of samplers.inc.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/status.h"
#include "sampling/candidates.h"
#include "sampling/params.h"

namespace autoglm {

/// One step of the chain. Owned by one Sampler and used by one thread at a time.
class LogitTransform {
 public:
  virtual ~LogitTransform() = default;
  /// Changes logits or removes candidates; leaves at least one. Allocates nothing once warm.
  virtual void Apply(CandidateList& candidates) = 0;
  /// `id` (in [0, vocab_size)) is now part of the text.
  virtual void Accept(int32_t /*id*/) {}
  /// Forgets everything accepted.
  virtual void Reset() {}
  /// A copy with the same state.
  virtual std::unique_ptr<LogitTransform> Clone() const = 0;
};

/// What a stage's file exports as `k<Name>Stage`.
struct SamplerStage {
  enum class Phase {
    kAdjust,  ///< changes logits of the whole row (index = id); runs under greedy decoding too
    kFilter,  ///< shapes the draw; left out when greedy
  };

  std::string_view name;
  Phase phase;
  /// kOutOfRange if one of the stage's own fields is.
  Status (*validate)(const SamplingParams& params, int32_t vocab_size);
  /// Null where the (valid) parameters leave the stage without effect.
  std::unique_ptr<LogitTransform> (*make)(const SamplingParams& params, int32_t vocab_size);
};

/// The rows of samplers.inc.
std::span<const SamplerStage* const> AllSamplerStages();

/// "FIELD is VALUE; it must be PERMITTED" as kOutOfRange.
template <typename T>
Status OutOfRange(std::string_view field, T value, std::string_view permitted) {
  return Error(StatusCode::kOutOfRange, field, " is ", value, "; it must be ", permitted);
}

}  // namespace autoglm

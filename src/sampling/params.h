// SamplingParams: every number that shapes the choice of the next token, under the names OpenAI and
// Hugging Face use. How each acts is written in the file of its stage (samplers.inc).
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/status.h"

namespace autoglm {

/// The defaults change nothing: a draw from the model's own distribution, as with the OpenAI API
/// and vLLM (Hugging Face would add top_k 50; llama.cpp temperature 0.8, top_k 40, top_p 0.95 and
/// min_p 0.05). A model's generation_config.json, if any, is the caller's to apply.
struct SamplingParams {
  /// Logits are divided by it; 0 chooses the likeliest token (the lowest id of equals) and makes
  /// top_k, typical_p, top_p and min_p irrelevant. At least 0.
  float temperature = 1;
  /// Keep the k likeliest tokens; 0 keeps all. At least 0.
  int32_t top_k = 0;
  /// Keep the smallest set of likeliest tokens with at least this mass; 1 keeps all, 0 one. [0, 1].
  float top_p = 1;
  /// Keep tokens at least this many times as likely as the likeliest; 0 keeps all. [0, 1].
  float min_p = 0;
  /// Keep the smallest set of most typical tokens with at least this mass; 1 keeps all. (0, 1].
  float typical_p = 1;

  /// Makes tokens seen before less likely (above 1) or more (below); 1 is off. [0.01, 100].
  float repetition_penalty = 1;
  /// Subtracted once from the logit of each token seen before. [-2, 2].
  float presence_penalty = 0;
  /// Subtracted from a token's logit as often as it was seen before. [-2, 2].
  float frequency_penalty = 0;
  /// How many of the last accepted tokens the three penalties look at; -1 is all of them (as
  /// Hugging Face and OpenAI do; llama.cpp looks at 64), 0 none. At least -1.
  int32_t penalty_last_n = -1;

  /// Token id and what is added to its logit: -infinity (never choose it) or [-100, 100]. Several
  /// entries of one id add up.
  std::vector<std::pair<int32_t, float>> logit_bias;

  /// The same seed, parameters and logits give the same tokens on every platform. A caller that
  /// wants a different text each time passes a random seed (and may show it).
  uint64_t seed = 0;
};

/// kOutOfRange for the first field outside its range, naming the field, the value found and the
/// range; `vocab_size` bounds the ids of logit_bias and must be positive.
Status Validate(const SamplingParams& params, int32_t vocab_size);

}  // namespace autoglm

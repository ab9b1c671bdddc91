#include "qos/work.h"

#include <algorithm>

namespace autoglm {

double PredictWorkMs(const StepCost& cost, int n_prompt, int n_new, int n_decoding, int chunk) {
  chunk = std::max(chunk, 1);
  n_prompt = std::max(n_prompt, 0);
  const int rest = n_prompt % chunk;
  double ms = n_prompt / chunk * cost.PredictMs(chunk);
  if (rest > 0) ms += cost.PredictMs(rest);
  // The end of the prompt gives the first token.
  return ms + std::max(n_new - 1, 0) * cost.PredictMs(std::max(n_decoding, 1));
}

}  // namespace autoglm

// How long a request will take, from what steps cost.
#pragma once

#include "qos/step_cost.h"

namespace autoglm {

/// Milliseconds that a prompt of `n_prompt` tokens, read in chunks of `chunk`, and an answer of
/// `n_new` take where `n_decoding` sequences (this one included, at least 1) decode together: what
/// passes until the answer is there. 0 while nothing is known of costs.
double PredictWorkMs(const StepCost& cost, int n_prompt, int n_new, int n_decoding, int chunk);

}  // namespace autoglm

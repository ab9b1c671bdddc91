// Scalar attention over a paged KV cache; the contract is AttentionArgs.
#pragma once

#include "kernels/kernels.h"

namespace autoglm {

void ScalarAttention(const AttentionArgs& args);

}  // namespace autoglm

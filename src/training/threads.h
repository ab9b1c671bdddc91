// How many threads training computes with: libtorch's and the matrix library's.
#pragma once

namespace autoglm {

/// Sets both to `n`, 1 or more. Call before the first tensor is made, from the main thread.
void SetTrainingThreads(int n);

}  // namespace autoglm

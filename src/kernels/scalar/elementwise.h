// Scalar norm, rotation, gated activations and addition; contracts in KernelTable.
#pragma once

#include <cstdint>

namespace autoglm {

void ScalarRmsNorm(const float* x, const float* weight, int64_t n, float eps, float* y);
void ScalarRopeHalf(const float* cos, const float* sin, int64_t n_pairs, float* x);
void ScalarRopeInterleaved(const float* cos, const float* sin, int64_t n_pairs, float* x);
void ScalarSiluGate(const float* gate, const float* up, int64_t n, float* out);
void ScalarGeluTanhGate(const float* gate, const float* up, int64_t n, float* out);
void ScalarAdd(float* x, const float* y, int64_t n);

}  // namespace autoglm

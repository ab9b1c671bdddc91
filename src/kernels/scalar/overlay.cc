// The scalar kernels as a table: the truth that every other instruction set is tested against.
#include "kernels/kernels.h"
#include "kernels/scalar/attention.h"
#include "kernels/scalar/elementwise.h"
#include "kernels/scalar/linear.h"

namespace autoglm {

void OverlayScalar(KernelTable* table) {
  table->isa = "scalar";
  for (int i = 0; i < kNumDTypes; ++i) table->linear[i] = ScalarLinear(static_cast<DType>(i));
  table->attention = ScalarAttention;
  table->bf16_attention = false;
  table->rms_norm = ScalarRmsNorm;
  table->rope_half = ScalarRopeHalf;
  table->rope_interleaved = ScalarRopeInterleaved;
  table->silu_gate = ScalarSiluGate;
  table->gelu_tanh_gate = ScalarGeluTanhGate;
  table->add = ScalarAdd;
  table->encoder_loops = kScalarEncoderLoops;
}

}  // namespace autoglm

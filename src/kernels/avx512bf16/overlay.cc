// What AVX-512 with products of bfloat16 adds to AVX-512 VNNI: attention at twice the speed.
#include "kernels/avx512vnni/vec.h"
// Then what is built from it.
#include "kernels/avx512bf16/attention.h"

namespace autoglm {

void OverlayAvx512Bf16(KernelTable* table) {
  table->isa = "avx512bf16";
  table->attention = Bf16OrFloatAttention;
  table->bf16_attention = true;
}

}  // namespace autoglm

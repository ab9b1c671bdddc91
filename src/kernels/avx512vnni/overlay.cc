// The AVX-512 VNNI kernels as an overlay.
#include "kernels/avx512vnni/vec.h"
// Then what is built from it.
#include "kernels/vector/overlay.h"

namespace autoglm {

void OverlayAvx512Vnni(KernelTable* table) {
  table->isa = "avx512vnni";
  OverlayInt8(table);
  OverlayFloat(table);
}

}  // namespace autoglm

// The AVX2 kernels as an overlay.
#include "kernels/avx2/vec.h"
// Then what is built from it.
#include "kernels/vector/overlay.h"

namespace autoglm {

void OverlayAvx2(KernelTable* table) {
  table->isa = "avx2";
  OverlayInt8(table);
  OverlayFloat(table);
}

}  // namespace autoglm

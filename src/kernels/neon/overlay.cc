// The NEON kernels for every 64-bit ARM processor as an overlay.
#include "kernels/neon/dot.h"
// Then what is built from it.
#include "kernels/vector/overlay.h"

namespace autoglm {

void OverlayNeon(KernelTable* table) {
  table->isa = "neon";
  OverlayInt8(table);
  OverlayFloat(table);
}

}  // namespace autoglm

// The kernels for ARM processors with matrix products of bytes as an overlay.
#include "kernels/neon_i8mm/tile.h"
// Then what is built from it.
#include "kernels/vector/overlay.h"

namespace autoglm {

void OverlayNeonI8mm(KernelTable* table) {
  table->isa = "neon_i8mm";
  OverlayInt8(table);
  OverlayFloat(table);
}

}  // namespace autoglm

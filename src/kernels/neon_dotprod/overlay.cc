// The kernels for ARM processors with dot products as an overlay.
#include "kernels/neon_dotprod/tile.h"
// Then what is built from it.
#include "kernels/vector/overlay.h"

namespace autoglm {

void OverlayNeonDotprod(KernelTable* table) {
  table->isa = "neon_dotprod";
  OverlayInt8(table);
  OverlayFloat(table);
}

}  // namespace autoglm

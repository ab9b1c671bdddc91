// Builds the kernel tables out of isas.inc.
#include "kernels/kernels.h"

namespace autoglm {

#define AUTOGLM_ISA(Function, runnable) void Function(KernelTable* table);
#include "kernels/isas.inc"
#undef AUTOGLM_ISA

const KernelTable& BestKernels() {
  static const KernelTable table = [] {
    KernelTable t{};
#define AUTOGLM_ISA(Function, runnable) \
  if (runnable) Function(&t);
#include "kernels/isas.inc"
#undef AUTOGLM_ISA
    return t;
  }();
  return table;
}

const KernelTable& ScalarKernels() {
  static const KernelTable table = [] {
    KernelTable t{};
    OverlayScalar(&t);
    return t;
  }();
  return table;
}

}  // namespace autoglm

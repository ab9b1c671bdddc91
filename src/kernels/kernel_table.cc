// Builds the kernel tables out of isas.inc.
#include <cstdlib>

#include "kernels/kernels.h"
#include "platform/cpu.h"

namespace autoglm {

#define AUTOGLM_ISA(Function, runnable) void Function(KernelTable* table);
#include "kernels/isas.inc"
#undef AUTOGLM_ISA

namespace {

#define AUTOGLM_ISA(Function, runnable) +1
constexpr int kNumIsas = 0
#include "kernels/isas.inc"
    ;
#undef AUTOGLM_ISA

struct Tables {
  KernelTable tables[kNumIsas];
  int n = 0;

  Tables() {
#define AUTOGLM_ISA(Function, runnable)   \
  if (runnable) {                         \
    if (n > 0) tables[n] = tables[n - 1]; \
    Function(&tables[n++]);               \
  }
#include "kernels/isas.inc"
#undef AUTOGLM_ISA
  }
};

}  // namespace

std::span<const KernelTable> RunnableKernels() {
  static const Tables tables;
  return {tables.tables, static_cast<size_t>(tables.n)};
}

const KernelTable& BestKernels() {
  const std::span<const KernelTable> tables = RunnableKernels();
  if (const char* wanted = std::getenv("AUTOGLM_ISA")) {
    for (const KernelTable& table : tables) {
      if (std::string_view(table.isa) == wanted) return table;
    }
  }
  return tables.back();
}

}  // namespace autoglm

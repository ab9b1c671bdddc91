#include "training/threads.h"

#include <dlfcn.h>
#include <malloc.h>

#include "training/torch.h"

namespace autoglm {

void SetTrainingThreads(int n) {
  at::set_num_threads(n);
  // libtorch of Debian calls whatever BLAS the system has; OpenBLAS takes all cores unless told.
  using Set = void (*)(int);
  if (const auto set = reinterpret_cast<Set>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) {
    set(n);
  }
#if defined(M_MMAP_THRESHOLD)
  // Activations come and go with each step: give their pages back to the system never.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, -1);
#endif
}

}  // namespace autoglm

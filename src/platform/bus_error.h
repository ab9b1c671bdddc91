// What happens when a file shrinks while it is mapped: reading beyond its new end raises SIGBUS,
// which by default ends the process. A daemon that has mapped many files cannot let one of them end
// all.
#pragma once

#include <cstdint>

namespace autoglm {

/// From now on, pages that a file no longer has read as zeros in this process, and are counted.
/// Whoever reads mapped files looks at the count afterwards. Any other SIGBUS still ends the
/// process. Once, before threads that read; POSIX.
void SurviveShrunkFiles();

/// Pages replaced so far. Any thread.
int64_t NumLostPages();

}  // namespace autoglm

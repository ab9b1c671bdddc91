// The program autoglm-compress: what trains models, with libtorch, which this one does without.
#pragma once

#include <span>

namespace autoglm {

/// Replaces this process by autoglm-compress with `argv` (the verb and what follows). Returns only
/// where that fails, the exit status: 1, after a message that tells how to build the program, or
/// why the system refuses.
int BecomeCompressProgram(std::span<char*> argv);

}  // namespace autoglm

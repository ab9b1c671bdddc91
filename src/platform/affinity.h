// Which logical cpus a thread may run on.
#pragma once

#include <span>
#include <vector>

namespace autoglm {

/// The cpus that the calling thread may run on, ascending; empty where the system does not say.
std::vector<int> AllowedCpus();

/// Restricts the calling thread to `cpus`, and returns whether it then runs on one of them: some
/// systems accept the call and move the thread back. False, and nothing changed, where that is not
/// possible.
bool RunOnCpus(std::span<const int> cpus);

}  // namespace autoglm

// How many cores this process may use.
#pragma once

#include "platform/cgroup.h"

namespace autoglm {

/// The default number of threads: the cores that the affinity mask allows, and no more than the
/// control groups' cpu quota pays for (rounded down: a thread beyond it only makes the others
/// stop). At least 1.
int NumUsableCores(const SystemFiles& files = {});

/// The cpu quota in cores, or 0 where there is none.
double CpuQuota(const SystemFiles& files = {});

}  // namespace autoglm

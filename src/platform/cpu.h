// What the processor is, and how many of its cores this process may use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/cgroup.h"

namespace autoglm {

/// The default number of threads; at least 1. The rule is PlanThreads' (platform/topology.h).
int NumUsableCores(const SystemFiles& files = {});

/// The cpu quota in cores, or 0 where there is none.
double CpuQuota(const SystemFiles& files = {});

/// As /proc/cpuinfo names it; empty where it does not.
std::string CpuName(const SystemFiles& files = {});

/// Instruction sets that kernels are made for and this processor has: "avx2", "dotprod".
std::vector<std::string> CpuFeatures();
/// Whether `name` is among them.
bool HasCpuFeature(std::string_view name);

}  // namespace autoglm

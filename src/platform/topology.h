// What cores there are: clusters of a big.LITTLE system, hardware threads of one core, those that
// are switched off or not ours. Read from sysfs (kernel documentation: ABI/testing
// sysfs-devices-system-cpu, admin-guide/cputopology, arch/arm64/cpu-capacity).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "platform/cgroup.h"

namespace autoglm {

struct LogicalCpu {
  int id = 0;
  /// Work per second against the machine's fastest, which has 1024: cpu_capacity, or where that is
  /// absent by the highest frequency. 1024 where neither is known.
  int capacity = 1024;
  int64_t max_khz = 0;  ///< 0: unknown
  int core = 0;         ///< the lowest id among the hardware threads of its core
  bool allowed = true;  ///< by this process's affinity mask, which a cpuset narrows too
};

/// Cores of about the same speed.
struct CpuCluster {
  int capacity = 1024;  ///< of its fastest
  int64_t max_khz = 0;
  std::vector<int> cpus;  ///< ids, ascending
  int n_cores = 0;        ///< of which hardware threads are parts
};

struct Topology {
  std::vector<LogicalCpu> cpus;  ///< online, by id; never empty
  bool has_capacity = false;     ///< capacities are the kernel's, not guessed from frequencies
  int n_offline = 0;             ///< present, but switched off
  double quota_cores = 0;        ///< the control groups' cpu quota; 0: none

  /// The fastest first.
  std::vector<CpuCluster> Clusters() const;
  int n_allowed() const;
};

/// `allowed`: of the calling thread (AllowedCpus()); empty: what `files`.proc says, else all.
/// Damaged or missing files leave their defaults; the least that comes back is one cpu.
Topology ReadTopology(const SystemFiles& files = {}, std::span<const int> allowed = {});

/// Where a pool's threads go.
struct ThreadPlan {
  int n_threads = 1;
  std::vector<int> cpus;  ///< for the workers; empty: wherever the system likes
};

/// `requested` threads, or for 0 the default: one for each physical core (a second hardware thread
/// shares the multipliers and the caches that it would need) that is allowed and belongs to a
/// cluster with at least half of the capacity of the fastest allowed one, but no more than the cpu
/// quota pays for (a thread beyond it only makes the others stop). Little cores stay out: they add
/// less than they cost in power, and the tiles that they hold at the end of a loop are waited for.
/// Where only frequencies are known the bound is three quarters, because a little core does less
/// per cycle too.
///
/// Workers are bound to the chosen clusters (to all of their cpus, not one each, so that the
/// scheduler can avoid a busy one) only where there are slower cores to be kept off, the threads
/// fit, and nobody narrowed the affinity mask already.
ThreadPlan PlanThreads(const Topology& topology, int requested = 0);

/// For this process, now.
ThreadPlan PlanThreads(int requested = 0);

/// The ids in a list as the kernel writes it, "0-3,5"; those up to the first damage.
std::vector<int> ParseCpuList(std::string_view text);

}  // namespace autoglm

#include "platform/topology.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <thread>

#include "platform/affinity.h"
#include "platform/cpu.h"

namespace autoglm {
namespace {

constexpr int kMostCpus = 1 << 16;
constexpr int kFullCapacity = 1024;

std::vector<int> ReadCpuList(const std::string& path) {
  return ParseCpuList(ReadSystemFile(path).value_or(""));
}

int64_t ReadPositive(const std::string& path) {
  const auto number = ParseNumber(ReadSystemFile(path).value_or(""));
  return number && *number > 0 && *number <= INT32_MAX ? *number : 0;
}

bool Contains(std::span<const int> list, int value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// "Cpus_allowed_list:	0-3" of this thread, else of this process.
std::vector<int> AllowedByProc(const SystemFiles& files) {
  constexpr std::string_view kKey = "Cpus_allowed_list:";
  for (const char* status : {"/thread-self/status", "/self/status"}) {
    const std::string text = ReadSystemFile(files.proc + status).value_or("");
    const size_t at = text.find(kKey);
    if (at == std::string::npos) continue;
    const std::string_view line = std::string_view(text).substr(at + kKey.size());
    return ParseCpuList(line.substr(0, line.find('\n')));
  }
  return {};
}

// The lowest id among the hardware threads of one core.
int CoreOf(const std::string& folder, int id) {
  for (const char* name : {"/topology/core_cpus_list", "/topology/thread_siblings_list"}) {
    const std::vector<int> siblings = ReadCpuList(folder + name);
    if (Contains(siblings, id)) return *std::min_element(siblings.begin(), siblings.end());
  }
  return id;
}

// Without the kernel's capacities: frequencies, scaled to the fastest; all or none.
void SetCapacities(std::vector<int64_t> capacities, Topology* topology) {
  topology->has_capacity = *std::min_element(capacities.begin(), capacities.end()) > 0;
  if (!topology->has_capacity) {
    for (size_t i = 0; i < capacities.size(); ++i) capacities[i] = topology->cpus[i].max_khz;
  }
  const auto [least, most] = std::minmax_element(capacities.begin(), capacities.end());
  if (*least <= 0) return;
  for (size_t i = 0; i < capacities.size(); ++i) {
    topology->cpus[i].capacity = static_cast<int>(capacities[i] * kFullCapacity / *most);
  }
}

}  // namespace

std::vector<int> ParseCpuList(std::string_view text) {
  std::vector<int> ids;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end && (*at == ' ' || *at == '\t')) ++at;
  while (at < end) {
    int first = 0;
    auto [after, error] = std::from_chars(at, end, first);
    if (error != std::errc() || first < 0 || first >= kMostCpus) break;
    int last = first;
    if (after < end && *after == '-') {
      const auto range = std::from_chars(after + 1, end, last);
      if (range.ec != std::errc() || last < first || last >= kMostCpus) break;
      after = range.ptr;
    }
    for (int id = first; id <= last; ++id) ids.push_back(id);
    if (after >= end || *after != ',') break;
    at = after + 1;
  }
  return ids;
}

Topology ReadTopology(const SystemFiles& files, std::span<const int> allowed) {
  Topology topology;
  const std::vector<int> by_proc = allowed.empty() ? AllowedByProc(files) : std::vector<int>();
  if (allowed.empty()) allowed = by_proc;
  std::vector<int> online = ReadCpuList(files.cpu + "/online");
  if (online.empty()) online.assign(allowed.begin(), allowed.end());
  if (online.empty()) {
    const int n = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    for (int id = 0; id < n; ++id) online.push_back(id);
  }
  const int n_present = static_cast<int>(ReadCpuList(files.cpu + "/present").size());
  topology.n_offline = std::max(0, n_present - static_cast<int>(online.size()));
  topology.quota_cores = CpuQuota(files);
  std::vector<int64_t> capacities;
  for (const int id : online) {
    const std::string folder = files.cpu + "/cpu" + std::to_string(id);
    LogicalCpu cpu;
    cpu.id = id;
    cpu.max_khz = ReadPositive(folder + "/cpufreq/cpuinfo_max_freq");
    cpu.core = CoreOf(folder, id);
    cpu.allowed = allowed.empty() || Contains(allowed, id);
    topology.cpus.push_back(cpu);
    capacities.push_back(ReadPositive(folder + "/cpu_capacity"));
  }
  SetCapacities(std::move(capacities), &topology);
  return topology;
}

int Topology::n_allowed() const {
  return static_cast<int>(
      std::count_if(cpus.begin(), cpus.end(), [](const LogicalCpu& cpu) { return cpu.allowed; }));
}

std::vector<CpuCluster> Topology::Clusters() const {
  // Cores of one kind differ by some percent where each has a highest frequency of its own.
  constexpr double kSameCluster = 0.9;
  std::vector<LogicalCpu> by_speed = cpus;
  std::stable_sort(by_speed.begin(), by_speed.end(), [](const LogicalCpu& a, const LogicalCpu& b) {
    return a.capacity > b.capacity;
  });
  std::vector<CpuCluster> clusters;
  std::vector<std::vector<int>> cores;
  for (const LogicalCpu& cpu : by_speed) {
    if (clusters.empty() || cpu.capacity < kSameCluster * clusters.back().capacity) {
      clusters.push_back({cpu.capacity, 0, {}, 0});
      cores.emplace_back();
    }
    CpuCluster& cluster = clusters.back();
    cluster.max_khz = std::max(cluster.max_khz, cpu.max_khz);
    cluster.cpus.push_back(cpu.id);
    if (!Contains(cores.back(), cpu.core)) cores.back().push_back(cpu.core);
    cluster.n_cores = static_cast<int>(cores.back().size());
  }
  for (CpuCluster& cluster : clusters) std::sort(cluster.cpus.begin(), cluster.cpus.end());
  return clusters;
}

ThreadPlan PlanThreads(const Topology& topology, int requested) {
  int most = 0;
  for (const LogicalCpu& cpu : topology.cpus) {
    if (cpu.allowed) most = std::max(most, cpu.capacity);
  }
  const double share = topology.has_capacity ? 0.5 : 0.75;
  std::vector<int> chosen, cores;
  for (const LogicalCpu& cpu : topology.cpus) {
    if (!cpu.allowed || cpu.capacity < share * most) continue;
    chosen.push_back(cpu.id);
    if (!Contains(cores, cpu.core)) cores.push_back(cpu.core);
  }
  ThreadPlan plan;
  plan.n_threads = static_cast<int>(cores.size());
  if (topology.quota_cores > 0 && topology.quota_cores < plan.n_threads) {
    plan.n_threads = static_cast<int>(topology.quota_cores);
  }
  if (requested > 0) plan.n_threads = requested;
  plan.n_threads = std::max(1, plan.n_threads);
  const bool whole_mask = topology.n_allowed() == static_cast<int>(topology.cpus.size());
  const bool slower_cores = chosen.size() < topology.cpus.size();
  if (whole_mask && slower_cores && plan.n_threads <= static_cast<int>(chosen.size())) {
    plan.cpus = std::move(chosen);
  }
  return plan;
}

ThreadPlan PlanThreads(int requested) {
  return PlanThreads(ReadTopology({}, AllowedCpus()), requested);
}

}  // namespace autoglm

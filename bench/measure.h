// What the benchmarks that print ratios share: time, medians, and processes that keep cores busy.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <vector>

namespace autoglm {

inline double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

/// Cpu seconds that the whole machine has worked, in every process; 0 where it does not say.
inline double MachineCpuSeconds() {
  std::ifstream stat("/proc/stat");
  std::string cpu;
  double user = 0, nice = 0, system = 0;
  stat >> cpu >> user >> nice >> system;
  return (user + nice + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

inline double OwnCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/// Processes that use every cycle they are given, for as long as this lives.
class BusyProcesses {
 public:
  explicit BusyProcesses(int n) {
    for (int i = 0; i < n; ++i) {
      const pid_t pid = fork();
      if (pid == 0) {
        for (;;) asm volatile("");
      }
      if (pid > 0) pids_.push_back(pid);
    }
    if (n > 0) usleep(50'000);  // let the scheduler place them
  }
  BusyProcesses(const BusyProcesses&) = delete;
  BusyProcesses& operator=(const BusyProcesses&) = delete;
  ~BusyProcesses() {
    for (const pid_t pid : pids_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }
  double CpuSeconds() const {
    double seconds = 0;
    for (const pid_t pid : pids_) {
      std::ifstream stat("/proc/" + std::to_string(pid) + "/schedstat");
      double ns = 0;
      stat >> ns;
      seconds += ns * 1e-9;
    }
    return seconds;
  }

 private:
  std::vector<pid_t> pids_;
};

}  // namespace autoglm

// A progress bar for long work, shown only where stderr is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace autoglm {

/// Draws at most ten times a second, and takes its line away when destroyed. One thread at a time.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() { Clear(); }

  /// `done` of `total` in any unit; a total of 0 or less draws no bar.
  void Update(int64_t done, int64_t total);

  /// Takes the bar away (before a message is printed); the next Update draws it again.
  void Clear();

 private:
  using Time = std::chrono::steady_clock::time_point;

  std::string label_;
  bool is_terminal_;
  bool drawn_ = false;
  Time started_;
  Time last_drawn_{};
};

}  // namespace autoglm

// Logging through a callback that the host supplies. Nothing here is global: a Logger is passed to
// whatever has something to say.
#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include "autoglm/log.h"
#include "base/str.h"

namespace autoglm {

/// Carries the callback and the least level that passes. Copies share the callback. Threads: a
/// Logger may be used from many threads if its callback may.
class Logger {
 public:
  Logger() = default;
  explicit Logger(LogCallback callback, LogLevel min_level = LogLevel::kInfo)
      : callback_(std::move(callback)), min_level_(min_level) {}

  bool Enabled(LogLevel level) const { return callback_ && level >= min_level_; }

  template <typename... Parts>
  void Log(LogLevel level, const Parts&... parts) const {
    if (Enabled(level)) callback_(level, StrCat(parts...));
  }
  template <typename... Parts>
  void Info(const Parts&... parts) const {
    Log(LogLevel::kInfo, parts...);
  }
  template <typename... Parts>
  void Warning(const Parts&... parts) const {
    Log(LogLevel::kWarning, parts...);
  }

 private:
  LogCallback callback_;
  LogLevel min_level_ = LogLevel::kInfo;
};

}  // namespace autoglm

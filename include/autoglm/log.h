// The type of the log callback that a host hands to the library.
#pragma once

#include <functional>
#include <string_view>

namespace autoglm {

enum class LogLevel : int { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

/// Called with one message without a newline at its end; the view is valid during the call only.
/// May be called from any thread that uses the library.
using LogCallback = std::function<void(LogLevel level, std::string_view message)>;

/// "debug", "info", "warning" or "error".
const char* LogLevelName(LogLevel level);

}  // namespace autoglm

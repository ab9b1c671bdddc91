// The three classes of requests (SPEC S2.4): what has a deadline, what somebody waits for, and what
// may wait.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace autoglm {

/// In order of urgency.
enum class RequestClass : uint8_t {
  kRealtime = 0,     ///< useless after its deadline
  kInteractive = 1,  ///< somebody reads along
  kBatch = 2,        ///< takes what the others leave
};

constexpr int kNumRequestClasses = 3;

/// One value for each class, by its number.
template <typename T>
using PerClass = std::array<T, kNumRequestClasses>;

constexpr int64_t kNoDeadline = INT64_MAX;

/// "realtime", "interactive" or "batch".
std::string_view Name(RequestClass request_class);
std::optional<RequestClass> ParseRequestClass(std::string_view name);

}  // namespace autoglm

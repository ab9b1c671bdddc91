// strftime for strftime_now: UTC, English names, the directives of C and the GNU '-' flag.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace autoglm::jinja {

/// `unix_s`: seconds since 1970 UTC. Directives that do not exist stand for themselves.
std::string Strftime(std::string_view format, int64_t unix_s);

}  // namespace autoglm::jinja

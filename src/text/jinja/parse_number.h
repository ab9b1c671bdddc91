// Reading numbers as Python does.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace autoglm::jinja {

/// Python's int(text, base) and float(text); nothing for what is no number.
std::optional<int64_t> ParseInt(std::string_view text, int base);
std::optional<double> ParseFloat(std::string_view text);

}  // namespace autoglm::jinja

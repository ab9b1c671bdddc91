// Formatting of text: printf-style (%), str.format, padding and replacing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace autoglm::jinja {

/// format % arguments, where a tuple holds several arguments and a dict named ones.
Value PrintfFormat(Runtime* rt, const Value& format, const Value& arguments);

/// str.format(*positional, **named).
Value BraceFormat(Runtime* rt, const Value& format, const std::vector<Value>& positional,
                  const std::vector<std::pair<std::string, Value>>& named);

enum class Alignment : uint8_t { kLeft, kRight, kCenter };
/// `text` padded with `fill` (one character) to `width` characters.
Value Padded(Runtime* rt, std::string_view text, bool markup, int64_t width, std::string_view fill,
             Alignment alignment);

/// str.replace; `max_count` below 0 is no limit.
Value Replaced(Runtime* rt, std::string_view text, std::string_view old_part,
               std::string_view new_part, int64_t max_count, bool markup = false);

/// `d` with `precision` digits behind the point ("%.2f", precision at most 500), correctly rounded
/// in every locale.
std::string FixedFloat(double d, int precision);

}  // namespace autoglm::jinja

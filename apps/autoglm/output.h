// What the program says: data on stdout, everything else on stderr.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/log.h"

namespace autoglm {

/// Writes data to stdout as it is. A failure to write is noticed at the program's end.
void Print(std::string_view text);

/// Writes `value` on one line; bytes that are not UTF-8 become U+FFFD.
void PrintJson(const nlohmann::ordered_json& value);

/// Sends what Print wrote on its way now (a token of an answer).
void FlushOutput();

/// "autoglm: warning: ..." on stderr, from warnings up; everything where `verbose`.
Logger StderrLogger(bool verbose = false);

}  // namespace autoglm

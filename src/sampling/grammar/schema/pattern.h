// Regular expressions of JSON Schema (ECMA-262, the part that is regular) as GBNF.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace autoglm {

struct PatternLength {
  uint32_t min = 0;
  uint32_t max = UINT32_MAX;  ///< none
};

/// The inside of a JSON string whose value `pattern` finds a match in (so without ^ and $ anything
/// may stand around it), written with the usual escapes only. `length` in characters must follow
/// from the pattern, or be enforceable at its only repetition. `any_char`: the name of a rule for
/// one character of a string.
/// kInvalidArgument: not a regular expression; kUnimplemented: look-around, back-references, \b,
/// \p{...}, a length as above.
Result<std::string> PatternToGbnf(std::string_view pattern, PatternLength length,
                                  std::string_view any_char);

}  // namespace autoglm

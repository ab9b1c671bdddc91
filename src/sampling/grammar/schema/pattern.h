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

struct PatternForm {
  enum class Text {
    kJson,              ///< the inside of a JSON string, with the usual escapes only
    kJsonWithoutSlash,  ///< the same, "/" written "\/"
    kBare,              ///< as it is
  };
  Text text = Text::kJson;
  std::string_view avoided = {};  ///< ASCII that a class of several characters does without
};

/// A text whose value `pattern` finds a match in (so without ^ and $ anything may stand around it),
/// in the given form. `length` in characters must follow from the pattern, or be enforceable at its
/// only repetition. `any_char`: the name of a rule for one character of such a text.
/// kInvalidArgument: not a regular expression; kUnimplemented: look-around, back-references, \b,
/// \p{...}, a length as above.
Result<std::string> PatternToGbnf(std::string_view pattern, PatternLength length,
                                  std::string_view any_char, PatternForm form = {});

}  // namespace autoglm

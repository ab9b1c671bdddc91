// Pieces of GBNF that several grammars need.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace autoglm {

/// The control token of this name, or -1.
using FindControlToken = std::function<int32_t(std::string_view name)>;

/// `text` as a sequence of literals and of the control tokens that it spells.
std::string GbnfText(std::string_view text, const FindControlToken& find_control_token);

/// Rules for any text in which `end` (valid UTF-8) does not occur; the first is called `name`, the
/// others begin with it. The first character of `end` does not occur in the rest of it.
std::string GbnfTextWithout(std::string_view name, std::string_view end);

/// A class of one character that is none of `chars` (valid UTF-8): [^...].
std::string GbnfNoneOf(std::string_view chars);

}  // namespace autoglm

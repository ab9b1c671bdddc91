// Unicode normalization forms (UAX #15).
#pragma once

#include <string>
#include <string_view>

namespace autoglm {

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };

/// `text` in the form asked for. Ill-formed UTF-8 passes through unchanged, byte by byte, and
/// composes with nothing. Linear in the length of `text`.
std::string Normalize(std::string_view text, NormalForm form);

/// False only where Normalize(text, kNfc) == text for certain: a quick check that sees at once that
/// most texts need no work.
bool MayNeedNfc(std::string_view text);

/// The canonical combining class of `c` (0: a starter).
int CombiningClass(char32_t c);

}  // namespace autoglm

// Finding markers in text that arrives in pieces.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace autoglm {

/// ' ', '\t', '\n' or '\r'.
bool IsSpace(char c);
std::string_view TrimSpace(std::string_view text);
/// The bytes of white space that `text` begins with.
size_t LeadingSpace(std::string_view text);

struct LiteralMatch {
  enum class Kind { kYes, kPartial, kNo };
  Kind kind = Kind::kNo;
  size_t n_bytes = 0;  ///< kYes: that the literal takes, white space before and in it included
};

/// Does `text` begin with `literal`, whatever white space either has? kPartial: it may, once more
/// of it is there. An empty literal matches and takes nothing.
LiteralMatch MatchLiteral(std::string_view text, std::string_view literal);

struct MarkerSearch {
  size_t n_free = 0;  ///< bytes before the marker, or before what may become one
  int which = -1;     ///< index of the marker that follows them; -1: none is complete
};

/// The first of `markers` (none empty) in `text`; of several at one place, the longest.
MarkerSearch FindMarker(std::string_view text, std::span<const std::string> markers);

}  // namespace autoglm

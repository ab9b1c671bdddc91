// UTF-8: decoding with replacement, encoding, validity, and where a truncated character begins.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace autoglm {

inline constexpr char32_t kReplacementChar = 0xFFFD;

/// One decoded character. For ill-formed input `code_point` is U+FFFD, `valid` is false and
/// `n_bytes` is the length of the maximal ill-formed subpart (Unicode 15, section 3.9), so at
/// least 1.
struct Utf8Char {
  char32_t code_point;
  int n_bytes;
  bool valid;
};

/// Decodes the character at the start of `text`, which must not be empty.
Utf8Char DecodeUtf8(std::string_view text);

void AppendUtf8(std::string* out, char32_t code_point);

bool IsValidUtf8(std::string_view text);

/// The length of the longest prefix of `text` that does not end inside a character which further
/// bytes could complete. Ill-formed bytes before the end count as complete.
size_t CompleteUtf8Prefix(std::string_view text);

/// `text` with every ill-formed subpart replaced by U+FFFD.
std::string ReplaceInvalidUtf8(std::string_view text);

}  // namespace autoglm

// Text helpers with Python's meaning of characters: UTF-8 in, positions in code points, white space
// and case as str methods define them. No bounds are kept here; callers charge the work.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/value.h"

namespace autoglm::jinja {

/// & < > ' " as entities, with the numeric forms that MarkupSafe writes.
std::string EscapeHtml(std::string_view text);

/// At most about 80 bytes, cut between characters: for text quoted in messages.
std::string Shortened(std::string_view text);

/// Byte offsets of the characters, and the size at the end.
std::vector<size_t> CharStarts(std::string_view text);
/// `count` characters from character `start`; both within the text.
std::string_view CharSubstr(const Text& text, int64_t start, int64_t count);
/// Code points in valid UTF-8.
int64_t CountChars(std::string_view text);

/// str.isspace() of one character.
bool IsSpace(char32_t c);
/// Whether the string is not empty and every character satisfies the predicate.
template <typename Predicate>
bool AllChars(std::string_view text, Predicate predicate);

enum class Side { kBoth, kLeft, kRight };
/// Without the characters of `chars` (white space if absent) at its ends.
std::string_view Strip(std::string_view text, std::optional<std::string_view> chars, Side side);

/// str.split / str.rsplit without a separator; `max_splits` below 0 is no limit.
std::vector<std::string_view> SplitSpace(std::string_view text, int64_t max_splits,
                                         bool from_right);
/// The same with a separator, which is not empty.
std::vector<std::string_view> SplitAt(std::string_view text, std::string_view separator,
                                      int64_t max_splits, bool from_right);
std::vector<std::string_view> SplitLines(std::string_view text, bool keep_ends);

// Case with the full mappings of Unicode, independent of locale and context.
std::string Upper(std::string_view text);
std::string Lower(std::string_view text);
std::string Capitalize(std::string_view text);
std::string TitleCase(std::string_view text);  ///< str.title()
std::string SwapCase(std::string_view text);
bool IsLowerText(std::string_view text);  ///< str.islower()
bool IsUpperText(std::string_view text);  ///< str.isupper()

bool IsAlpha(char32_t c);
bool IsDecimal(char32_t c);
bool IsDigit(char32_t c);
bool IsNumeric(char32_t c);
bool IsAlnum(char32_t c);

}  // namespace autoglm::jinja

#include "base/utf8.h"

namespace autoglm::jinja {

template <typename Predicate>
bool AllChars(std::string_view text, Predicate predicate) {
  if (text.empty()) return false;
  while (!text.empty()) {
    const Utf8Char c = DecodeUtf8(text);
    if (!predicate(c.code_point)) return false;
    text.remove_prefix(c.n_bytes);
  }
  return true;
}

}  // namespace autoglm::jinja

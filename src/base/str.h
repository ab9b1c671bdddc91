// Joining values into a string: locale-free, so that a message or a JSON number never depends on
// where the program runs.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace autoglm {

namespace internal {

inline void Append(std::string* out, std::string_view part) { out->append(part); }
inline void Append(std::string* out, char part) { out->push_back(part); }

// A template, so that pointers do not convert to it.
template <typename T>
requires std::is_same_v<T, bool>
void Append(std::string* out, T part) { out->append(part ? "true" : "false"); }

template <typename T>
requires(std::is_arithmetic_v<T> && !std::is_same_v<T, char> &&
         !std::is_same_v<T, bool>) void Append(std::string* out, T part) {
  char buffer[48];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), part).ptr;
  out->append(buffer, end);
}

}  // namespace internal

/// StrCat("n = ", 3, '/', 4.5) -> "n = 3/4.5".
template <typename... Parts>
std::string StrCat(const Parts&... parts) {
  std::string out;
  (internal::Append(&out, parts), ...);
  return out;
}

template <typename... Parts>
void StrAppend(std::string* out, const Parts&... parts) {
  (internal::Append(out, parts), ...);
}

/// 1536 -> "1.5 KiB"; one decimal from KiB up.
std::string FormatBytes(uint64_t n_bytes);

/// `text` cut to `max_bytes` with control and non-ASCII bytes shown as \xNN: for error messages
/// that quote untrusted input.
std::string Quoted(std::string_view text, size_t max_bytes = 80);

/// The entry of `candidates` nearest to `word` by edit distance, or empty if none is near
/// (distance above a third of the word's length, at least 2).
template <typename Range>
std::string_view Nearest(std::string_view word, const Range& candidates);

/// Levenshtein distance in bytes.
int EditDistance(std::string_view a, std::string_view b);

template <typename Range>
std::string_view Nearest(std::string_view word, const Range& candidates) {
  std::string_view best;
  int best_distance = std::max<int>(2, static_cast<int>(word.size() / 3)) + 1;
  for (std::string_view candidate : candidates) {
    const int distance = EditDistance(word, candidate);
    if (distance < best_distance) best = candidate, best_distance = distance;
  }
  return best;
}

}  // namespace autoglm

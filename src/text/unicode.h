// Character properties of the Unicode Character Database (UAX #44), from generated tables.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "text/unicode_data.h"

namespace autoglm {

inline constexpr char32_t kLastCodePoint = 0x10FFFF;

// clang-format off
/// In the order of tools/make_unicode_tables.py.
enum class GeneralCategory : uint8_t {
  kLu, kLl, kLt, kLm, kLo,                 // letters
  kMn, kMc, kMe,                           // marks
  kNd, kNl, kNo,                           // numbers
  kPc, kPd, kPs, kPe, kPi, kPf, kPo,       // punctuation
  kSm, kSc, kSk, kSo,                      // symbols
  kZs, kZl, kZp, kCc, kCf, kCs, kCo, kCn,  // separators and others
};
// clang-format on

/// One bit per general category.
using CategoryMask = uint32_t;
constexpr CategoryMask MaskOf(GeneralCategory category) {
  return CategoryMask{1} << static_cast<int>(category);
}

/// The categories that `name` stands for: a two-letter category ("Lu"), or a group ("L"); 0 if
/// there is none of that name.
CategoryMask CategoriesNamed(std::string_view name);

GeneralCategory CategoryOf(char32_t c);
inline bool HasCategory(char32_t c, CategoryMask mask) {
  return (MaskOf(CategoryOf(c)) & mask) != 0;
}

/// The property White_Space.
bool IsWhiteSpace(char32_t c);
std::span<const CodePointRange> WhiteSpaceRanges();

/// The characters of a script ("Han"); empty if we keep no table of that name.
std::span<const CodePointRange> ScriptRanges(std::string_view name);

/// Simple case folding (CaseFolding.txt, status C and S), and simple lower case. Both give `c`
/// itself where there is no mapping.
char32_t SimpleFold(char32_t c);
char32_t SimpleLower(char32_t c);

}  // namespace autoglm

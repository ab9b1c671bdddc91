#include "text/unicode.h"

#include <algorithm>
#include <iterator>

namespace autoglm {

namespace {

constexpr std::string_view kCategoryNames[] = {
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe",
    "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"};

char32_t Mapped(std::span<const unicode_data::CodePointPair> pairs, char32_t c) {
  const auto it = std::lower_bound(
      pairs.begin(), pairs.end(), c,
      [](const unicode_data::CodePointPair& pair, char32_t value) { return pair.from < value; });
  return it != pairs.end() && it->from == c ? it->to : c;
}

}  // namespace

CategoryMask CategoriesNamed(std::string_view name) {
  CategoryMask mask = 0;
  if (name.empty() || name.size() > 2) return mask;
  for (size_t i = 0; i < std::size(kCategoryNames); ++i) {
    if (kCategoryNames[i].starts_with(name)) mask |= CategoryMask{1} << i;
  }
  return mask;
}

GeneralCategory CategoryOf(char32_t c) {
  const std::span runs(unicode_data::kCategoryRuns, unicode_data::kCategoryRunsSize);
  // The last run that starts at or before c: its low five bits are at most 31.
  const uint32_t key = static_cast<uint32_t>(std::min(c, kLastCodePoint)) << 5 | 31;
  const auto it = std::upper_bound(runs.begin(), runs.end(), key);
  return static_cast<GeneralCategory>(*(it - 1) & 31);
}

std::span<const CodePointRange> WhiteSpaceRanges() {
  return {unicode_data::kWhiteSpace, unicode_data::kWhiteSpaceSize};
}

bool IsWhiteSpace(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
  for (const CodePointRange& range : WhiteSpaceRanges()) {
    if (c <= range.last) return c >= range.first;
  }
  return false;
}

std::span<const CodePointRange> ScriptRanges(std::string_view name) {
  for (size_t i = 0; i < unicode_data::kScriptsSize; ++i) {
    const unicode_data::Script& script = unicode_data::kScripts[i];
    if (name == script.name) return {script.ranges, script.n_ranges};
  }
  return {};
}

char32_t SimpleFold(char32_t c) {
  return Mapped({unicode_data::kSimpleFold, unicode_data::kSimpleFoldSize}, c);
}

char32_t SimpleLower(char32_t c) {
  return Mapped({unicode_data::kSimpleLower, unicode_data::kSimpleLowerSize}, c);
}

}  // namespace autoglm

// Layouts of the generated Unicode tables (unicode_data.cc); only unicode.cc and normalize.cc read
// them. Every list is sorted by its first member.
#pragma once

#include <cstddef>
#include <cstdint>

namespace autoglm {

/// Both ends belong to the range.
struct CodePointRange {
  char32_t first, last;
};

namespace unicode_data {

struct CodePointPair {
  char32_t from, to;
};
struct Script {
  const char* name;
  const CodePointRange* ranges;
  size_t n_ranges;
};
/// The full decomposition of `code_point`: kDecompositionPool[offset, offset + length).
struct Decomposition {
  char32_t code_point;
  uint16_t offset, length;
};
struct Composition {
  char32_t first, second, composed;
};

/// Start of a run << 5 | GeneralCategory; a run ends where the next begins.
extern const uint32_t kCategoryRuns[];
extern const size_t kCategoryRunsSize;
extern const CodePointRange kWhiteSpace[];
extern const size_t kWhiteSpaceSize;
extern const Script kScripts[];
extern const size_t kScriptsSize;
extern const CodePointPair kSimpleFold[];
extern const size_t kSimpleFoldSize;
extern const CodePointPair kSimpleLower[];
extern const size_t kSimpleLowerSize;
/// Code point << 8 | canonical combining class, where that is not 0.
extern const uint32_t kCombiningClass[];
extern const size_t kCombiningClassSize;
/// kCompatible lists only what differs from kCanonical.
extern const Decomposition kCanonical[];
extern const size_t kCanonicalSize;
extern const Decomposition kCompatible[];
extern const size_t kCompatibleSize;
extern const char32_t kDecompositionPool[];
extern const size_t kDecompositionPoolSize;
extern const Composition kCompositions[];
extern const size_t kCompositionsSize;

}  // namespace unicode_data
}  // namespace autoglm

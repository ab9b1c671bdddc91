// Layout of the generated case tables (case_data.cc); only case.cc reads them. Sorted by character.
#pragma once

#include <cstddef>
#include <cstdint>

namespace autoglm::jinja::case_data {

/// Every stride-th character from `first` to `last` has its upper case `delta` further.
struct CaseRun {
  char32_t first, last;
  int32_t stride, delta;
};
struct CasePair {
  char32_t from, to;
};
/// Full mappings, ended by 0 where shorter than 3.
struct SpecialCase {
  char32_t from;
  char32_t lower[3], title[3], upper[3];
};

extern const CaseRun kUpperRuns[];
extern const size_t kUpperRunsSize;
/// Where title case differs from upper case.
extern const CasePair kTitle[];
extern const size_t kTitleSize;
extern const SpecialCase kSpecial[];
extern const size_t kSpecialSize;

}  // namespace autoglm::jinja::case_data

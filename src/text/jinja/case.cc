#include "text/jinja/case.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/jinja/case_data.h"
#include "text/unicode.h"

namespace autoglm::jinja {

namespace {

using case_data::CasePair;
using case_data::CaseRun;
using case_data::SpecialCase;

const SpecialCase* FindSpecial(char32_t c) {
  const SpecialCase* const end = case_data::kSpecial + case_data::kSpecialSize;
  const SpecialCase* at =
      std::lower_bound(case_data::kSpecial, end, c,
                       [](const SpecialCase& row, char32_t key) { return row.from < key; });
  return at != end && at->from == c ? at : nullptr;
}

char32_t SimpleUpper(char32_t c) {
  const CaseRun* const end = case_data::kUpperRuns + case_data::kUpperRunsSize;
  const CaseRun* run =
      std::lower_bound(case_data::kUpperRuns, end, c,
                       [](const CaseRun& row, char32_t key) { return row.last < key; });
  const bool hit = run != end && c >= run->first && (c - run->first) % run->stride == 0;
  return hit ? c + run->delta : c;
}

char32_t SimpleTitle(char32_t c) {
  const CasePair* const end = case_data::kTitle + case_data::kTitleSize;
  const CasePair* at = std::lower_bound(
      case_data::kTitle, end, c, [](const CasePair& row, char32_t key) { return row.from < key; });
  return at != end && at->from == c ? at->to : SimpleUpper(c);
}

void AppendAll(std::string* out, const char32_t (&characters)[3]) {
  for (char32_t c : characters) {
    if (c != 0) AppendUtf8(out, c);
  }
}

}  // namespace

void AppendUpper(std::string* out, char32_t c) {
  if (const SpecialCase* special = c < 0x80 ? nullptr : FindSpecial(c)) {
    AppendAll(out, special->upper);
  } else {
    AppendUtf8(out, SimpleUpper(c));
  }
}

void AppendLower(std::string* out, char32_t c) {
  if (const SpecialCase* special = c < 0x80 ? nullptr : FindSpecial(c)) {
    AppendAll(out, special->lower);
  } else {
    AppendUtf8(out, SimpleLower(c));
  }
}

void AppendTitle(std::string* out, char32_t c) {
  if (const SpecialCase* special = c < 0x80 ? nullptr : FindSpecial(c)) {
    AppendAll(out, special->title);
  } else {
    AppendUtf8(out, SimpleTitle(c));
  }
}

bool IsCased(char32_t c) {
  return HasCategory(c, MaskOf(GeneralCategory::kLu) | MaskOf(GeneralCategory::kLl) |
                            MaskOf(GeneralCategory::kLt));
}

}  // namespace autoglm::jinja

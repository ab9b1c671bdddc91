#include "text/normalize.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "base/utf8.h"
#include "text/code_point_set.h"
#include "text/unicode_data.h"

namespace autoglm {

namespace {

// Hangul syllables are composed and decomposed by arithmetic (Unicode 15, section 3.12).
constexpr char32_t kHangulBase = 0xAC00, kLBase = 0x1100, kVBase = 0x1161, kTBase = 0x11A7;
constexpr char32_t kLCount = 19, kVCount = 21, kTCount = 28;
constexpr char32_t kHangulCount = kLCount * kVCount * kTCount;

// A code point with its combining class. Ill-formed bytes are kept as kRawByte + byte.
constexpr char32_t kRawByte = 0x200000;
struct Unit {
  char32_t c;
  int combining_class;
};

const unicode_data::Decomposition* FindDecomposition(
    std::span<const unicode_data::Decomposition> table, char32_t c) {
  const auto it = std::lower_bound(
      table.begin(), table.end(), c,
      [](const unicode_data::Decomposition& d, char32_t v) { return d.code_point < v; });
  return it != table.end() && it->code_point == c ? &*it : nullptr;
}

void Decompose(char32_t c, bool compatible, std::vector<Unit>* out) {
  if (c - kHangulBase < kHangulCount) {
    const char32_t s = c - kHangulBase;
    out->push_back({kLBase + s / (kVCount * kTCount), 0});
    out->push_back({kVBase + s % (kVCount * kTCount) / kTCount, 0});
    if (s % kTCount != 0) out->push_back({kTBase + s % kTCount, 0});
    return;
  }
  const unicode_data::Decomposition* d = nullptr;
  if (compatible) {
    d = FindDecomposition({unicode_data::kCompatible, unicode_data::kCompatibleSize}, c);
  }
  if (!d) d = FindDecomposition({unicode_data::kCanonical, unicode_data::kCanonicalSize}, c);
  if (!d) {
    out->push_back({c, CombiningClass(c)});
    return;
  }
  for (int i = 0; i < d->length; ++i) {
    const char32_t part = unicode_data::kDecompositionPool[d->offset + i];
    out->push_back({part, CombiningClass(part)});
  }
}

// Stable sort of each run of marks by combining class.
void Reorder(std::vector<Unit>* units) {
  for (size_t i = 0; i < units->size();) {
    if ((*units)[i].combining_class == 0) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < units->size() && (*units)[end].combining_class != 0) ++end;
    std::stable_sort(units->begin() + i, units->begin() + end, [](const Unit& a, const Unit& b) {
      return a.combining_class < b.combining_class;
    });
    i = end;
  }
}

// The primary composite of two characters, or 0.
char32_t ComposePair(char32_t a, char32_t b) {
  if (a - kLBase < kLCount && b - kVBase < kVCount) {
    return kHangulBase + ((a - kLBase) * kVCount + (b - kVBase)) * kTCount;
  }
  if (a - kHangulBase < kHangulCount && (a - kHangulBase) % kTCount == 0 && b > kTBase &&
      b < kTBase + kTCount) {
    return a + (b - kTBase);
  }
  const std::span table(unicode_data::kCompositions, unicode_data::kCompositionsSize);
  const auto it = std::lower_bound(table.begin(), table.end(), std::pair(a, b),
                                   [](const unicode_data::Composition& x, const auto& pair) {
                                     return std::pair(x.first, x.second) < pair;
                                   });
  return it != table.end() && it->first == a && it->second == b ? it->composed : 0;
}

void Compose(std::vector<Unit>* units) {
  size_t n = 0;               // units kept so far
  size_t starter = SIZE_MAX;  // index of the last starter among them
  for (const Unit& unit : *units) {
    if (starter != SIZE_MAX) {
      const int previous = (*units)[n - 1].combining_class;
      const bool adjacent = n - 1 == starter;
      const bool blocked = !adjacent && previous >= unit.combining_class;
      const char32_t composed = blocked ? 0 : ComposePair((*units)[starter].c, unit.c);
      if (composed != 0) {
        (*units)[starter].c = composed;
        continue;
      }
    }
    if (unit.combining_class == 0) starter = n;
    (*units)[n++] = unit;
  }
  units->resize(n);
}

// Characters that may change under NFC, or that may combine with what stands before them.
const CharClass& NfcSuspects() {
  static const CharClass* const kSuspects = [] {
    CodePointSet set;
    std::vector<CodePointRange> ranges;
    for (size_t i = 0; i < unicode_data::kCombiningClassSize; ++i) {
      const char32_t c = unicode_data::kCombiningClass[i] >> 8;
      ranges.push_back({c, c});
    }
    for (size_t i = 0; i < unicode_data::kCompositionsSize; ++i) {
      const char32_t c = unicode_data::kCompositions[i].second;
      ranges.push_back({c, c});
    }
    for (size_t i = 0; i < unicode_data::kCanonicalSize; ++i) {  // those that do not come back
      const char32_t c = unicode_data::kCanonical[i].code_point;
      std::vector<Unit> units;
      Decompose(c, false, &units);
      Compose(&units);
      if (units.size() != 1 || units[0].c != c) ranges.push_back({c, c});
    }
    ranges.push_back({kVBase, kVBase + kVCount - 1});
    ranges.push_back({kTBase + 1, kTBase + kTCount - 1});
    return new CharClass(CodePointSet(ranges));
  }();
  return *kSuspects;
}

}  // namespace

int CombiningClass(char32_t c) {
  if (c < 0x300) return 0;
  const std::span table(unicode_data::kCombiningClass, unicode_data::kCombiningClassSize);
  const auto it = std::lower_bound(table.begin(), table.end(), static_cast<uint32_t>(c) << 8);
  return it != table.end() && *it >> 8 == c ? static_cast<int>(*it & 0xFF) : 0;
}

bool MayNeedNfc(std::string_view text) {
  const CharClass& suspects = NfcSuspects();
  for (size_t i = 0; i < text.size();) {
    if (static_cast<uint8_t>(text[i]) < 0xCC) {  // below U+0300, or an ill-formed byte
      ++i;
      continue;
    }
    const Utf8Char c = DecodeUtf8(text.substr(i));
    if (c.valid && suspects.Contains(c.code_point)) return true;
    i += c.n_bytes;
  }
  return false;
}

std::string Normalize(std::string_view text, NormalForm form) {
  if (form == NormalForm::kNfc && !MayNeedNfc(text)) return std::string(text);
  const bool compatible = form == NormalForm::kNfkc || form == NormalForm::kNfkd;
  std::vector<Unit> units;
  units.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = DecodeUtf8(text.substr(i));
    if (c.valid) {
      Decompose(c.code_point, compatible, &units);
      i += c.n_bytes;
      continue;
    }
    for (int k = 0; k < c.n_bytes; ++k) {
      units.push_back({kRawByte + static_cast<uint8_t>(text[i++]), 0});
    }
  }
  Reorder(&units);
  if (form == NormalForm::kNfc || form == NormalForm::kNfkc) Compose(&units);
  std::string out;
  out.reserve(text.size());
  for (const Unit& unit : units) {
    if (unit.c >= kRawByte) {
      out.push_back(static_cast<char>(unit.c - kRawByte));
    } else {
      AppendUtf8(&out, unit.c);
    }
  }
  return out;
}

}  // namespace autoglm

#include "text/code_point_set.h"

#include <algorithm>
#include <map>

namespace autoglm {

CodePointSet::CodePointSet(std::span<const CodePointRange> ranges)
    : ranges_(ranges.begin(), ranges.end()) {
  Normalize();
}

CodePointSet CodePointSet::OfCategories(CategoryMask mask) {
  CodePointSet set;
  for (size_t i = 0; i < unicode_data::kCategoryRunsSize; ++i) {
    const uint32_t run = unicode_data::kCategoryRuns[i];
    if ((mask >> (run & 31) & 1) == 0) continue;
    const bool is_last = i + 1 == unicode_data::kCategoryRunsSize;
    const char32_t last = is_last ? kLastCodePoint : (unicode_data::kCategoryRuns[i + 1] >> 5) - 1;
    set.ranges_.push_back({static_cast<char32_t>(run >> 5), last});
  }
  set.Normalize();
  return set;
}

void CodePointSet::Normalize() {
  std::sort(ranges_.begin(), ranges_.end(),
            [](const CodePointRange& a, const CodePointRange& b) { return a.first < b.first; });
  size_t n = 0;
  for (const CodePointRange& range : ranges_) {
    if (n > 0 && range.first <= ranges_[n - 1].last + 1) {
      ranges_[n - 1].last = std::max(ranges_[n - 1].last, range.last);
    } else {
      ranges_[n++] = range;
    }
  }
  ranges_.resize(n);
}

void CodePointSet::Add(char32_t first, char32_t last) {
  ranges_.push_back({first, last});
  Normalize();
}

void CodePointSet::Add(const CodePointSet& other) {
  ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
  Normalize();
}

CodePointSet CodePointSet::Complement() const {
  CodePointSet out;
  char32_t next = 0;
  for (const CodePointRange& range : ranges_) {
    if (range.first > next) out.ranges_.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kLastCodePoint) out.ranges_.push_back({next, kLastCodePoint});
  return out;
}

CodePointSet CodePointSet::Intersect(const CodePointSet& other) const {
  CodePointSet both = Complement();
  both.Add(other.Complement());
  return both.Complement();
}

CodePointSet CodePointSet::CaseClosure() const {
  // Two passes over the folding table: which folded forms are in the set, then all their sources.
  CodePointSet folded;
  CodePointSet out = *this;
  for (const CodePointRange& range : ranges_) folded.ranges_.push_back(range);
  const std::span pairs(unicode_data::kSimpleFold, unicode_data::kSimpleFoldSize);
  for (const auto& pair : pairs) {
    if (Contains(pair.from)) folded.ranges_.push_back({pair.to, pair.to});
  }
  folded.Normalize();
  for (const auto& pair : pairs) {
    if (folded.Contains(pair.to)) out.ranges_.push_back({pair.from, pair.from});
  }
  out.Add(folded);
  return out;
}

bool CodePointSet::Contains(char32_t c) const {
  const auto it = std::lower_bound(
      ranges_.begin(), ranges_.end(), c,
      [](const CodePointRange& range, char32_t value) { return range.last < value; });
  return it != ranges_.end() && c >= it->first;
}

CharClass::CharClass(const CodePointSet& set) {
  std::vector<std::array<uint64_t, 4>> bits(kBlocks, std::array<uint64_t, 4>{});
  for (const CodePointRange& range : set.ranges()) {
    for (char32_t c = range.first; c <= range.last;) {
      if ((c & 63) == 0 && range.last - c >= 63) {
        bits[c >> 8][c >> 6 & 3] = ~uint64_t{0};
        c += 64;
      } else {
        bits[c >> 8][c >> 6 & 3] |= uint64_t{1} << (c & 63);
        ++c;
      }
    }
  }
  std::map<std::array<uint64_t, 4>, uint16_t> known;
  for (size_t i = 0; i < kBlocks; ++i) {
    const auto [it, is_new] = known.emplace(bits[i], static_cast<uint16_t>(blocks_.size()));
    if (is_new) blocks_.push_back(bits[i]);
    index_[i] = it->second;
  }
}

}  // namespace autoglm

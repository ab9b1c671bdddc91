// Sets of code points: CodePointSet for set algebra, CharClass for fast membership.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "text/unicode.h"

namespace autoglm {

/// A sorted list of ranges that neither touch nor overlap.
class CodePointSet {
 public:
  CodePointSet() = default;
  explicit CodePointSet(std::span<const CodePointRange> ranges);
  static CodePointSet OfCategories(CategoryMask mask);

  void Add(char32_t first, char32_t last);
  void Add(const CodePointSet& other);
  CodePointSet Complement() const;
  CodePointSet Intersect(const CodePointSet& other) const;
  /// With every character that simple case folding makes equal to a member.
  CodePointSet CaseClosure() const;

  bool Contains(char32_t c) const;
  std::span<const CodePointRange> ranges() const { return ranges_; }

 private:
  void Normalize();
  std::vector<CodePointRange> ranges_;
};

/// An immutable set that answers in a few instructions: a bitmap in two stages.
class CharClass {
 public:
  explicit CharClass(const CodePointSet& set);

  /// `c` at most U+10FFFF.
  bool Contains(char32_t c) const {
    const std::array<uint64_t, 4>& block = blocks_[index_[c >> 8]];
    return (block[c >> 6 & 3] >> (c & 63) & 1) != 0;
  }

 private:
  static constexpr size_t kBlocks = (kLastCodePoint + 1) / 256;
  std::array<uint16_t, kBlocks> index_;
  std::vector<std::array<uint64_t, 4>> blocks_;  ///< distinct ones
};

}  // namespace autoglm

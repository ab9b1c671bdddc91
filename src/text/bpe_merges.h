// BpeMerges: the merge table of byte-pair encoding, and the merging of one piece.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace autoglm {

/// Symbols are token ids (or ids of the caller's own above the vocabulary). Const use from many
/// threads.
class BpeMerges {
 public:
  static constexpr uint32_t kNoRank = UINT32_MAX;
  struct Merge {
    uint32_t rank = kNoRank;  ///< lower goes first
    int32_t merged = -1;
  };

  /// Room for `n` merges.
  explicit BpeMerges(size_t n = 0);

  /// `left` and `right` become `merged`. Of the same pair the first call holds.
  void Add(int32_t left, int32_t right, uint32_t rank, int32_t merged);

  Merge Find(int32_t left, int32_t right) const {
    const uint64_t key = Key(left, right);
    for (size_t i = Hash(key) >> shift_; slots_[i].key != kEmpty; i = (i + 1) & mask_) {
      if (slots_[i].key == key) return slots_[i].merge;
    }
    return {};
  }

  /// Merges the symbols of one piece until no pair is left that may: always the pair of the lowest
  /// rank, the leftmost among equals. O(n log n). `symbols` holds the result.
  void Apply(std::vector<int32_t>* symbols) const;

 private:
  static constexpr uint64_t kEmpty = UINT64_MAX;
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge;
  };
  static uint64_t Key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  static uint64_t Hash(uint64_t key) {
    key = (key ^ key >> 32) * 0x9E3779B97F4A7C15;
    return key ^ key << 32;  // the upper bits decide
  }

  void ApplyShort(std::vector<int32_t>* symbols) const;
  void ApplyLong(std::vector<int32_t>* symbols) const;

  std::vector<Slot> slots_;
  size_t mask_ = 0;
  int shift_ = 0;
};

}  // namespace autoglm

// PieceIndex: from a piece of text to the id of the token spelled so.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace autoglm {

/// A fast 64-bit hash of short strings; not stable over versions.
inline uint64_t HashBytes(std::string_view text) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15;
  uint64_t h = text.size() * kMultiplier;
  while (text.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, text.data(), 8);
    h = (h ^ word) * kMultiplier;
    h ^= h >> 32;
    text.remove_prefix(8);
  }
  uint64_t word = 0;
  if (!text.empty()) std::memcpy(&word, text.data(), text.size());
  h = (h ^ word) * kMultiplier;
  return h ^ h >> 29;
}

/// Open addressing over ids. The pieces stay where they are and are passed to every call, indexed
/// by id.
class PieceIndex {
 public:
  /// Room for `n` pieces.
  explicit PieceIndex(size_t n = 0) {
    size_t n_slots = 16;
    while (n_slots < n * 2) n_slots *= 2;
    slots_.assign(n_slots, Slot{0, -1});
  }

  /// The first id of a piece stays.
  void Add(std::span<const std::string_view> pieces, int32_t id) {
    const uint64_t hash = HashBytes(pieces[id]);
    size_t i = hash & (slots_.size() - 1);
    for (; slots_[i].id >= 0; i = (i + 1) & (slots_.size() - 1)) {
      if (slots_[i].tag == Tag(hash) && pieces[slots_[i].id] == pieces[id]) return;
    }
    slots_[i] = {Tag(hash), id};
  }

  /// -1 where there is none.
  int32_t Find(std::span<const std::string_view> pieces, std::string_view piece) const {
    const uint64_t hash = HashBytes(piece);
    for (size_t i = hash & (slots_.size() - 1); slots_[i].id >= 0;
         i = (i + 1) & (slots_.size() - 1)) {
      if (slots_[i].tag == Tag(hash) && pieces[slots_[i].id] == piece) return slots_[i].id;
    }
    return -1;
  }

 private:
  struct Slot {
    uint32_t tag;  ///< the hash's other half: spares most comparisons of strings
    int32_t id;
  };
  static uint32_t Tag(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }
  std::vector<Slot> slots_;
};

}  // namespace autoglm

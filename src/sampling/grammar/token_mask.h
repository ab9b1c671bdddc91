// TokenMask: the tokens that may come next, one bit for each, or as a list where they are few.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace autoglm {

class TokenMask {
 public:
  TokenMask() = default;
  /// No token of `vocab_size`.
  explicit TokenMask(int32_t vocab_size) : bits_((static_cast<size_t>(vocab_size) + 63) / 64, 0) {}

  void Add(int32_t id) { bits_[static_cast<size_t>(id) >> 6] |= uint64_t{1} << (id & 63); }
  void Add(std::span<const int32_t> ids) {
    for (const int32_t id : ids) Add(id);
  }
  void Remove(std::span<const int32_t> ids) {
    for (const int32_t id : ids) bits_[static_cast<size_t>(id) >> 6] &= ~(uint64_t{1} << (id & 63));
  }
  /// Both of the same vocabulary; this one not compact.
  void Add(const TokenMask& other);
  bool Has(int32_t id) const;
  /// Makes it small, where that is possible; after that nothing can be added.
  void Compact();

  /// Logits [vocab_size] of all other tokens become -infinity.
  void Apply(std::span<float> logits) const;

  size_t bytes() const {
    return bits_.capacity() * sizeof(uint64_t) + ids_.capacity() * sizeof(int32_t);
  }

 private:
  std::vector<uint64_t> bits_;  ///< [vocab_size / 64], or empty: ids_ instead
  std::vector<int32_t> ids_;    ///< ascending
};

}  // namespace autoglm

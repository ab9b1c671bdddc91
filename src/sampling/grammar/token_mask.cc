#include "sampling/grammar/token_mask.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace autoglm {
namespace {

// Logits whose bit is not set; without branches, so that it is done several at a time.
void Select(uint32_t bits, float* logits, size_t n) {
  static constexpr std::array<uint32_t, 32> kBits = [] {
    std::array<uint32_t, 32> single{};
    for (int i = 0; i < 32; ++i) single[i] = uint32_t{1} << i;
    return single;
  }();
  for (size_t i = 0; i < n; ++i) logits[i] = (bits & kBits[i]) != 0 ? logits[i] : -INFINITY;
}

// 64 logits, or fewer at the end of the row.
void ApplyWord(uint64_t word, std::span<float> logits) {
  if (logits.size() < 64) word |= ~uint64_t{0} << logits.size();
  if (word == ~uint64_t{0}) return;
  if (word == 0) {
    std::fill(logits.begin(), logits.end(), -INFINITY);
    return;
  }
  constexpr int kFew = 12;
  uint64_t zeros = ~word;
  for (int i = 0; i < kFew && zeros != 0; ++i, zeros &= zeros - 1) {
    logits[std::countr_zero(zeros)] = -INFINITY;
  }
  if (zeros == 0) return;
  if (logits.size() == 64) {
    Select(static_cast<uint32_t>(word), logits.data(), 32);
    Select(static_cast<uint32_t>(word >> 32), logits.data() + 32, 32);
  } else {
    for (size_t i = 0; i < logits.size(); ++i) {
      if ((word >> i & 1) == 0) logits[i] = -INFINITY;
    }
  }
}

}  // namespace

void TokenMask::Add(const TokenMask& other) {
  for (size_t i = 0; i < other.bits_.size(); ++i) bits_[i] |= other.bits_[i];
  Add(other.ids_);
}

bool TokenMask::Has(int32_t id) const {
  if (bits_.empty()) return std::binary_search(ids_.begin(), ids_.end(), id);
  return bits_[static_cast<size_t>(id) >> 6] >> (id & 63) & 1;
}

void TokenMask::Compact() {
  size_t n = 0;
  for (const uint64_t word : bits_) {
    if (word != 0) n += std::popcount(word);
    if (n > bits_.size()) return;  // half the memory of the bits, or less
  }
  ids_.reserve(n);
  for (size_t i = 0; i < bits_.size(); ++i) {
    for (uint64_t word = bits_[i]; word != 0; word &= word - 1) {
      ids_.push_back(static_cast<int32_t>(i * 64) + std::countr_zero(word));
    }
  }
  bits_ = {};
}

void TokenMask::Apply(std::span<float> logits) const {
  if (!bits_.empty()) {
    for (size_t i = 0; i < bits_.size(); ++i) {
      const size_t begin = i * 64;
      ApplyWord(bits_[i], logits.subspan(begin, std::min<size_t>(64, logits.size() - begin)));
    }
    return;
  }
  // Between the few that stay everything is overwritten.
  auto next = logits.begin();
  for (const int32_t id : ids_) {
    std::fill(next, logits.begin() + id, -INFINITY);
    next = logits.begin() + id + 1;
  }
  std::fill(next, logits.end(), -INFINITY);
}

}  // namespace autoglm

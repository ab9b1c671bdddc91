// TokenWindow: how often each token occurs among the last n, updated in constant time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace autoglm {

class TokenWindow {
 public:
  struct Entry {
    int32_t id;
    int32_t count;  ///< at least 1
  };

  /// Counts the last `last_n` > 0 tokens added, or all if -1. Memory: 4 bytes per token of the
  /// vocabulary, 8 per distinct token seen, 4 per token of a bounded window.
  TokenWindow(int32_t vocab_size, int32_t last_n);

  /// `id` in [0, vocab_size).
  void Add(int32_t id);
  void Clear();

  /// One entry for each token in the window, in no particular order.
  std::span<const Entry> entries() const { return entries_; }

 private:
  void Remove(int32_t id);

  int32_t last_n_;
  std::vector<int32_t> slot_of_;  ///< [vocab_size] index into entries_, or -1
  std::vector<Entry> entries_;
  std::vector<int32_t> window_;  ///< ring of at most last_n_ ids; empty if all count
  size_t oldest_ = 0;            ///< index into window_ once it is full
};

}  // namespace autoglm

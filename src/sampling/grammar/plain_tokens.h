// PlainTokens: tokens of common characters alone, by their number of characters. Most strings
// permit just those of up to so many characters: as many as they have left. Found here at once,
// where a walk through the vocabulary would meet a hundred thousand tokens.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "sampling/grammar/token_mask.h"

namespace autoglm {

/// Common are all characters but those that end or escape something within JSON and tags (`"`, `\`,
/// `<`) and the control characters.
class PlainTokens {
 public:
  static constexpr int kMaxChars = 24;  ///< longer tokens are few, and count as not plain

  /// The characters of `text` if all are common, a last one that is cut off counted; else 0. 0 also
  /// for more than kMaxChars.
  static int CountChars(std::string_view text);
  /// The classes of common characters (ByteSummary).
  static uint64_t classes();

  explicit PlainTokens(int32_t vocab_size) : up_to_(kMaxChars + 1, TokenMask(vocab_size)) {}
  /// `n_chars` from 1 to kMaxChars.
  void Add(int32_t id, int n_chars);

  /// The tokens of at most `n_chars` characters, from 0 to kMaxChars.
  const TokenMask& UpTo(int n_chars) const { return up_to_[n_chars]; }

 private:
  std::vector<TokenMask> up_to_;  ///< [kMaxChars + 1]
};

}  // namespace autoglm

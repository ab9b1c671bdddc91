// TextNormalizer: the steps that change a text before it is split into tokens.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace autoglm {

class TextNormalizer {
 public:
  TextNormalizer() = default;
  /// The steps of kNormalizerKey (hf_tokenizer_keys.h). kUnimplemented: an unknown step;
  /// kDataLoss: arguments are missing.
  static Result<TextNormalizer> Create(std::span<const std::string_view> steps);

  bool empty() const { return steps_.empty(); }
  /// Linear in the length of `text` where replacements do not grow it.
  std::string Apply(std::string_view text) const;

 private:
  enum class Kind { kNfc, kNfd, kNfkc, kNfkd, kLowercase, kStripAccents, kReplace, kPrepend };
  struct Step {
    Kind kind;
    std::string from, to;
  };
  std::vector<Step> steps_;
};

/// Lower case, character by character (U+0130 gives two).
std::string Lowercase(std::string_view text);
/// `text` without nonspacing marks (Mn).
std::string StripAccents(std::string_view text);

}  // namespace autoglm

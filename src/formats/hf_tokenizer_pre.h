// The pre-tokenizers that tokenizer.ggml.pre names: how a text is split before byte-level BPE.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace autoglm {

struct PreTokenizerRow {
  std::string_view name;  ///< value of tokenizer.ggml.pre
  /// Applied one after the other: each splits the pieces that the one before left, at its matches.
  std::span<const std::string_view> regexes;
  bool ignore_merges = false;  ///< a whole piece in the vocabulary is taken without merging
  bool nfc = false;            ///< Hugging Face normalizes the text to NFC first
  bool adds_bos = false;       ///< where tokenizer.ggml.add_bos_token is not given
};

/// Null if we know none of that name.
const PreTokenizerRow* FindPreTokenizer(std::string_view name);
std::span<const PreTokenizerRow> PreTokenizers();

/// The first row with these expressions (spelling variants count as equal) that also agrees in
/// `ignore_merges`; else the first that has the expressions; else null.
const PreTokenizerRow* RecognisePreTokenizer(std::span<const std::string> regexes,
                                             bool ignore_merges);

}  // namespace autoglm

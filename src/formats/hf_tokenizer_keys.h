// Keys of ours beside tokenizer.ggml.*: what a Hugging Face tokenizer says and GGUF has no word
// for. Files without them get GGUF's defaults; llama.cpp ignores them.
#pragma once

#include <cstdint>
#include <string_view>

namespace autoglm {

/// String array: the regular expressions that split a text, one after the other, where no name of
/// tokenizer.ggml.pre stands for them. They win over that name.
inline constexpr std::string_view kPreRegexKey = "autoglm.tokenizer.pre_regex";
/// String array of steps, each followed by its arguments: "nfc", "nfd", "nfkc", "nfkd",
/// "lowercase", "strip_accents", "replace" FROM TO, "prepend" TEXT. Wins over what the name in
/// tokenizer.ggml.pre implies; may be empty.
inline constexpr std::string_view kNormalizerKey = "autoglm.tokenizer.normalizer";
/// Bool: a piece that is in the vocabulary as a whole is taken without merging.
inline constexpr std::string_view kIgnoreMergesKey = "autoglm.tokenizer.ignore_merges";
/// i32 arrays: the ids around a prompt, where that is not BOS in front and EOS behind.
inline constexpr std::string_view kPrefixIdsKey = "autoglm.tokenizer.prefix_token_ids";
inline constexpr std::string_view kSuffixIdsKey = "autoglm.tokenizer.suffix_token_ids";
/// i32 array of pairs: token id, sum of AddedTokenFlag.
inline constexpr std::string_view kAddedFlagsKey = "autoglm.tokenizer.added_token_flags";
/// Bool: the space in front (tokenizer.ggml.add_space_prefix) belongs to the first text only, not
/// also behind every special token.
inline constexpr std::string_view kSpaceFirstOnlyKey = "autoglm.tokenizer.space_prefix_first_only";
/// Bool: that space is not added to a text that begins with one.
inline constexpr std::string_view kSpaceUnlessSpaceKey =
    "autoglm.tokenizer.space_prefix_unless_space";
/// Bools, WordPiece (default true): lower case; accents removed.
inline constexpr std::string_view kLowercaseKey = "autoglm.tokenizer.lowercase";
inline constexpr std::string_view kStripAccentsKey = "autoglm.tokenizer.strip_accents";
/// Further ids that end an answer, i32 array; where present, no token ends one by its name alone.
inline constexpr std::string_view kEogIdsKey = "tokenizer.ggml.eog_token_ids";

enum AddedTokenFlag : int64_t {
  kAddedLstrip = 1,      ///< takes the white space before it
  kAddedRstrip = 2,      ///< takes the white space behind it
  kAddedSingleWord = 4,  ///< only where no word character touches it
  kAddedNormalized = 8,  ///< sought in the normalized text
};

}  // namespace autoglm

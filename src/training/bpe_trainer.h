// BpeTrainer: learns a byte-level BPE vocabulary from text.
// Source: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units";
// Radford et al. 2019 (GPT-2) for the alphabet of bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/status.h"
#include "text/pre_tokenizer.h"

namespace autoglm {

struct BpeVocabulary {
  /// The bytes that each token stands for: the 256 bytes first, then one per merge.
  std::vector<std::string> tokens;
  std::vector<std::pair<int32_t, int32_t>> merges;  ///< ids; the earlier one is applied first
};

struct BpeOptions {
  int vocab_size = 4096;  ///< with the 256 bytes; fewer where the text does not give as many
  int min_count = 2;      ///< pairs that occur less often are not merged
};

class BpeTrainer {
 public:
  /// `pre`: as tokenizer.ggml.pre. With `classes_apart` no merge joins a letter with a space, a
  /// digit or a punctuation mark, digits stay single, and so do the characters of scripts that are
  /// written without spaces (Han, kana): then a word is the same tokens wherever it stands, which
  /// is what lets a small model copy it. Errors: kInvalidArgument (no such pre-tokenizer).
  static Result<BpeTrainer> Create(std::string_view pre, bool classes_apart);

  /// Counts the pieces of `text`. kInvalidArgument where it is not UTF-8.
  Status Add(std::string_view text);

  /// The result depends on what was added only, not on the order. kInvalidArgument: nothing was
  /// added, or vocab_size is below 256.
  Result<BpeVocabulary> Train(const BpeOptions& options) const;

 private:
  BpeTrainer(PreTokenizer pre, bool classes_apart)
      : pre_(std::move(pre)), classes_apart_(classes_apart) {}
  void Count(std::string_view unit);
  void CountByClass(std::string_view piece);

  PreTokenizer pre_;
  bool classes_apart_;
  std::unordered_map<std::string, int64_t> counts_;  ///< of stretches within which pairs may merge
};

}  // namespace autoglm

// VocabTokenizer: what the tokenizers of all algorithms share: the vocabulary, tokens written out
// in the text, the ids around a prompt, decoding. Algorithms derive from it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/text_normalizer.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace autoglm {

class VocabTokenizer : public Tokenizer {
 public:
  std::vector<int32_t> Encode(std::string_view text, EncodeOptions options) const override;
  std::string_view TokenBytes(int32_t id) const override;
  std::string Decode(std::span<const int32_t> ids, bool keep_special) const override;
  int32_t vocab_size() const override { return vocab_.size(); }
  TokenType type(int32_t id) const override {
    return vocab_.Has(id) ? vocab_.type(id) : TokenType::kUnused;
  }
  int32_t Find(std::string_view piece) const override { return vocab_.Find(piece); }
  int32_t bos_id() const override { return vocab_.bos_id; }
  int32_t eos_id() const override { return vocab_.eos_id; }
  bool adds_bos() const override;
  bool IsEndOfGeneration(int32_t id) const override {
    return vocab_.Has(id) && vocab_.ends_generation(id);
  }

 protected:
  /// A stretch of text, already normalized, or a token that was written out (id >= 0).
  struct Segment {
    std::string_view text;
    int32_t id = -1;
  };

  explicit VocabTokenizer(Vocabulary vocab) : vocab_(std::move(vocab)) {}

  /// Reads what all share; `default_bos`: whether BOS is added where the file does not say.
  /// Derived classes call it at the end of their own reading, with `bytes` = the bytes that each
  /// normal token stands for.
  Status Init(const Metadata& metadata, bool default_bos, std::vector<std::string> bytes);

  /// Appends the ids of `segments` to `out`.
  virtual void EncodeSegments(std::span<const Segment> segments,
                              std::vector<int32_t>* out) const = 0;

  Vocabulary vocab_;
  TextNormalizer normalizer_;        ///< set before Init
  bool strips_first_space_ = false;  ///< Decode removes the space that Encode put in front
  std::vector<int32_t> prefix_ids_, suffix_ids_;  ///< around a prompt; set by Init

 private:
  Status ReadAroundIds(const Metadata& metadata, bool default_bos);
  Status ReadAddedTokens(const Metadata& metadata);

  AddedTokens added_;             ///< sought in the text as it came
  AddedTokens normalized_added_;  ///< sought in the normalized text
  std::string bytes_;             ///< of all tokens, one after the other
  std::vector<uint32_t> bytes_end_;
};

// One factory per algorithm; the errors of Tokenizer::Create.
Result<std::unique_ptr<Tokenizer>> CreateByteBpeTokenizer(const Metadata& metadata);
Result<std::unique_ptr<Tokenizer>> CreateSpmTokenizer(const Metadata& metadata);
Result<std::unique_ptr<Tokenizer>> CreateWordPieceTokenizer(const Metadata& metadata);

}  // namespace autoglm

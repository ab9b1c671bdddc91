// Vocabulary: the lists and special ids of tokenizer.ggml.*, checked once.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "formats/metadata.h"
#include "text/piece_index.h"
#include "text/tokenizer.h"

namespace autoglm {

class Vocabulary {
 public:
  /// kDataLoss: lists of different lengths, ids out of range; kNotFound: no tokens.
  static Result<Vocabulary> Read(const Metadata& metadata);

  int32_t size() const { return static_cast<int32_t>(tokens_.size()); }
  bool Has(int32_t id) const { return id >= 0 && id < size(); }
  /// As spelled in the file; by id.
  std::span<const std::string_view> tokens() const { return tokens_; }
  TokenType type(int32_t id) const { return types_[id]; }
  /// Empty if the file has none; else one per token.
  std::span<const double> scores() const { return scores_; }
  int32_t Find(std::string_view piece) const { return index_.Find(tokens_, piece); }
  bool ends_generation(int32_t id) const { return ends_generation_[id]; }

  // -1 where there is none.
  int32_t bos_id = -1, eos_id = -1, unk_id = -1, sep_id = -1, cls_id = -1;

 private:
  Status ReadLists(const Metadata& metadata);
  Status ReadSpecialIds(const Metadata& metadata);
  Status ReadEndsOfGeneration(const Metadata& metadata);

  std::span<const std::string_view> tokens_;
  std::span<const double> scores_;
  std::vector<TokenType> types_;
  std::vector<bool> ends_generation_;
  PieceIndex index_;
};

/// Reads the optional id under `key`: -1 where absent, kDataLoss where outside [0, vocab_size).
Result<int32_t> ReadTokenId(const Metadata& metadata, std::string_view key, int32_t vocab_size);
/// A list of ids, each checked; empty where absent.
Result<std::vector<int32_t>> ReadTokenIds(const Metadata& metadata, std::string_view key,
                                          int32_t vocab_size);

}  // namespace autoglm

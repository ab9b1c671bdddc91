// TokenizerDraft: a tokenizer as the files of a Hugging Face folder describe it, step by step, and
// then written as tokenizer.ggml.* keys. Internal to hf_tokenizer*.cc.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "formats/metadata.h"

namespace autoglm {

class TokenizerDraft {
 public:
  enum class Type : uint8_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };
  struct Token {
    std::string text;
    double score = 0;
    Type type = Type::kUnused;  ///< of an id that nothing has named
    int64_t flags = 0;          ///< AddedTokenFlag
  };

  std::string model;                ///< tokenizer.ggml.model
  std::vector<Token> tokens;        ///< by id
  std::vector<std::string> merges;  ///< "left right"
  std::vector<std::string> pre_regexes;
  bool pre_is_open = false;  ///< the files do not say how a text is split: pre_name will
  std::string pre_name;
  std::vector<std::string> normalizer;
  std::vector<int32_t> prefix_ids, suffix_ids;
  std::optional<bool> add_bos, add_eos;  ///< as tokenizer_config.json says; win over the ids
  bool ignore_merges = false;
  bool has_scores = false;
  bool add_space_prefix = false;
  bool space_first_only = false;
  bool space_unless_space = false;
  std::optional<bool> lowercase, strip_accents;  ///< WordPiece
  std::optional<bool> remove_extra_whitespaces;  ///< SentencePiece
  std::string charsmap;                          ///< SentencePiece
  /// Role ("bos") to token text.
  std::map<std::string, std::string> roles;
  std::string chat_template;

  /// About `n` tokens will come: ids far above that are refused (they would only take memory).
  void ExpectTokens(size_t n);
  /// Names `id`; kDataLoss if it is out of range or has another name already.
  Status SetToken(int64_t id, std::string text, double score, Type type);
  /// As SetToken, for a token that is sought in texts; renames what has no name or the same one.
  Status SetAdded(int64_t id, std::string text, bool special, int64_t flags);
  /// The id of a token with this text, or -1.
  int32_t Find(std::string_view text) const;

  /// Everything as keys of `metadata`.
  Status Write(Metadata* metadata);

 private:
  void FillGaps();
  void RespellWordPiece();
  void WriteLists(Metadata* metadata) const;
  Status WriteAround(Metadata* metadata);
  Status WritePre(Metadata* metadata) const;

  std::unordered_map<std::string, int32_t> id_of_;
  int64_t max_tokens_ = 1 << 24;
};

/// `value[key]` where value is an object, else null.
const nlohmann::json& Member(const nlohmann::json& value, std::string_view key);
/// The string, number or bool under `key`, or `fallback` where it is absent or of another type.
std::string StringMember(const nlohmann::json& value, std::string_view key,
                         std::string_view fallback = "");
bool BoolMember(const nlohmann::json& value, std::string_view key, bool fallback);
/// The lstrip, rstrip, single_word and normalized of an added token.
int64_t AddedFlags(const nlohmann::json& token);

// The readers, one per kind of file. `text` is the file's content; errors name no file.
Status ReadTokenizerJson(std::string_view text, TokenizerDraft* draft);
Status ReadSentencePieceModel(std::string_view bytes, TokenizerDraft* draft);
Status ReadTiktokenRanks(std::string_view text, TokenizerDraft* draft);
Status ReadVocabAndMerges(std::string_view vocab_json, std::string_view merges_txt,
                          TokenizerDraft* draft);
Status ReadVocabTxt(std::string_view text, TokenizerDraft* draft);
/// tokenizer_config.json; `special_tokens_map` and `added_tokens` may be empty.
Status ReadTokenizerConfig(std::string_view config, std::string_view special_tokens_map,
                           std::string_view added_tokens, TokenizerDraft* draft);

}  // namespace autoglm

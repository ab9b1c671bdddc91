#include "text/vocabulary.h"

#include <cmath>
#include <string>

#include "formats/hf_tokenizer_keys.h"

namespace autoglm {

namespace {

// Ends of an answer or of a turn, by name: for files that list no more than one of them.
constexpr std::string_view kEndNames[] = {"</s>",
                                          "<|endoftext|>",
                                          "<|end_of_text|>",
                                          "<|eot_id|>",
                                          "<|im_end|>",
                                          "<|end|>",
                                          "<|return|>",
                                          "<|call|>",
                                          "<|flush|>",
                                          "<|calls|>",
                                          "<end_of_turn>",
                                          "<|eom_id|>",
                                          "<EOT>",
                                          "_<EOT>",
                                          "[EOT]",
                                          "[EOS]",
                                          "<eos>",
                                          "<turn|>",
                                          "<|tool_response|>",
                                          "<end_of_utterance>",
                                          "< EOT >",
                                          "<|endofturn|>",
                                          "<｜end▁of▁sentence｜>"};

constexpr int64_t kMaxTokens = 1 << 24;

}  // namespace

Result<int32_t> ReadTokenId(const Metadata& metadata, std::string_view key, int32_t vocab_size) {
  AUTOGLM_ASSIGN_OR_RETURN(const int64_t id, metadata.GetInt(key, -1));
  if (id == -1 || id == 0xFFFFFFFF) return -1;  // some writers store -1 as u32
  if (id < 0 || id >= vocab_size) {
    return Error(StatusCode::kDataLoss, key, " is ", id, ", but the vocabulary has ", vocab_size,
                 " tokens");
  }
  return static_cast<int32_t>(id);
}

Result<std::vector<int32_t>> ReadTokenIds(const Metadata& metadata, std::string_view key,
                                          int32_t vocab_size) {
  std::vector<int32_t> ids;
  if (!metadata.Has(key)) return ids;
  AUTOGLM_ASSIGN_OR_RETURN(const std::span<const int64_t> values, metadata.GetInts(key));
  for (const int64_t id : values) {
    if (id < 0 || id >= vocab_size) {
      return Error(StatusCode::kDataLoss, key, " contains ", id, ", but the vocabulary has ",
                   vocab_size, " tokens");
    }
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

Result<Vocabulary> Vocabulary::Read(const Metadata& metadata) {
  Vocabulary vocabulary;
  AUTOGLM_RETURN_IF_ERROR(vocabulary.ReadLists(metadata));
  AUTOGLM_RETURN_IF_ERROR(vocabulary.ReadSpecialIds(metadata));
  AUTOGLM_RETURN_IF_ERROR(vocabulary.ReadEndsOfGeneration(metadata));
  return vocabulary;
}

Status Vocabulary::ReadLists(const Metadata& metadata) {
  if (!metadata.Has("tokenizer.ggml.tokens")) {
    return Error(StatusCode::kNotFound, "the model has no vocabulary (tokenizer.ggml.tokens)");
  }
  AUTOGLM_ASSIGN_OR_RETURN(tokens_, metadata.GetStrings("tokenizer.ggml.tokens"));
  const size_t n = tokens_.size();
  if (n == 0 || n > kMaxTokens) {
    return Error(StatusCode::kDataLoss, "tokenizer.ggml.tokens has ", n, " entries; between 1 and ",
                 kMaxTokens, " are possible");
  }
  const auto check = [n](std::string_view key, size_t found) {
    return found == n ? OkStatus()
                      : Error(StatusCode::kDataLoss, key, " has ", found,
                              " entries, but there are ", n, " tokens");
  };
  if (metadata.Has("tokenizer.ggml.scores")) {
    AUTOGLM_ASSIGN_OR_RETURN(scores_, metadata.GetFloats("tokenizer.ggml.scores"));
    AUTOGLM_RETURN_IF_ERROR(check("tokenizer.ggml.scores", scores_.size()));
    for (size_t i = 0; i < n; ++i) {
      if (std::isnan(scores_[i])) {
        return Error(StatusCode::kDataLoss, "tokenizer.ggml.scores[", i, "] is not a number");
      }
    }
  }
  types_.assign(n, TokenType::kNormal);
  if (metadata.Has("tokenizer.ggml.token_type")) {
    AUTOGLM_ASSIGN_OR_RETURN(const std::span<const int64_t> types,
                             metadata.GetInts("tokenizer.ggml.token_type"));
    AUTOGLM_RETURN_IF_ERROR(check("tokenizer.ggml.token_type", types.size()));
    for (size_t i = 0; i < n; ++i) {
      if (types[i] < 0 || types[i] > 6) {
        return Error(StatusCode::kDataLoss, "tokenizer.ggml.token_type[", i, "] is ", types[i],
                     "; 1 to 6 are known");
      }
      types_[i] = types[i] == 0 ? TokenType::kNormal : static_cast<TokenType>(types[i]);
    }
  }
  index_ = PieceIndex(n);
  for (size_t i = 0; i < n; ++i) index_.Add(tokens_, static_cast<int32_t>(i));
  return OkStatus();
}

Status Vocabulary::ReadSpecialIds(const Metadata& metadata) {
  const struct {
    const char* key;
    int32_t* id;
  } kIds[] = {{"tokenizer.ggml.bos_token_id", &bos_id},
              {"tokenizer.ggml.eos_token_id", &eos_id},
              {"tokenizer.ggml.unknown_token_id", &unk_id},
              {"tokenizer.ggml.seperator_token_id", &sep_id},  // sic, in files out there
              {"tokenizer.ggml.cls_token_id", &cls_id}};
  for (const auto& [key, id] : kIds) {
    AUTOGLM_ASSIGN_OR_RETURN(*id, ReadTokenId(metadata, key, size()));
  }
  if (sep_id < 0) {
    AUTOGLM_ASSIGN_OR_RETURN(sep_id,
                             ReadTokenId(metadata, "tokenizer.ggml.separator_token_id", size()));
  }
  return OkStatus();
}

Status Vocabulary::ReadEndsOfGeneration(const Metadata& metadata) {
  ends_generation_.assign(tokens_.size(), false);
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                          "tokenizer.ggml.eom_token_id"}) {
    AUTOGLM_ASSIGN_OR_RETURN(const int32_t id, ReadTokenId(metadata, key, size()));
    if (id >= 0) ends_generation_[id] = true;
  }
  AUTOGLM_ASSIGN_OR_RETURN(const std::vector<int32_t> ids,
                           ReadTokenIds(metadata, kEogIdsKey, size()));
  for (const int32_t id : ids) ends_generation_[id] = true;
  if (metadata.Has(kEogIdsKey)) return OkStatus();
  for (const std::string_view name : kEndNames) {
    const int32_t id = Find(name);
    if (id >= 0 && types_[id] != TokenType::kNormal) ends_generation_[id] = true;
  }
  return OkStatus();
}

}  // namespace autoglm

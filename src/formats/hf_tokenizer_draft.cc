#include "formats/hf_tokenizer_draft.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "formats/hf_tokenizer_keys.h"
#include "formats/hf_tokenizer_pre.h"

namespace autoglm {

namespace {

// Roles and the keys that hold their ids.
constexpr struct {
  const char* role;
  const char* key;
} kRoleKeys[] = {{"bos", "tokenizer.ggml.bos_token_id"},
                 {"eos", "tokenizer.ggml.eos_token_id"},
                 {"unk", "tokenizer.ggml.unknown_token_id"},
                 {"pad", "tokenizer.ggml.padding_token_id"},
                 {"cls", "tokenizer.ggml.cls_token_id"},
                 {"sep", "tokenizer.ggml.seperator_token_id"},  // sic
                 {"mask", "tokenizer.ggml.mask_token_id"}};

void SetOwned(Metadata* metadata, std::string_view key, const std::vector<std::string>& values) {
  std::vector<std::string_view> views;
  views.reserve(values.size());
  for (const std::string& value : values) views.push_back(metadata->Own(value));
  metadata->SetStrings(key, std::move(views));
}

}  // namespace

const nlohmann::json& Member(const nlohmann::json& value, std::string_view key) {
  static const nlohmann::json kNull;
  if (!value.is_object()) return kNull;
  const auto it = value.find(key);
  return it == value.end() ? kNull : *it;
}

std::string StringMember(const nlohmann::json& value, std::string_view key,
                         std::string_view fallback) {
  const nlohmann::json& member = Member(value, key);
  return member.is_string() ? member.get<std::string>() : std::string(fallback);
}

bool BoolMember(const nlohmann::json& value, std::string_view key, bool fallback) {
  const nlohmann::json& member = Member(value, key);
  return member.is_boolean() ? member.get<bool>() : fallback;
}

int64_t AddedFlags(const nlohmann::json& token) {
  int64_t flags = 0;
  if (BoolMember(token, "lstrip", false)) flags |= kAddedLstrip;
  if (BoolMember(token, "rstrip", false)) flags |= kAddedRstrip;
  if (BoolMember(token, "single_word", false)) flags |= kAddedSingleWord;
  if (BoolMember(token, "normalized", false)) flags |= kAddedNormalized;
  return flags;
}

void TokenizerDraft::ExpectTokens(size_t n) {
  max_tokens_ = std::min<int64_t>(1 << 24, 2 * static_cast<int64_t>(n) + 65536);
}

Status TokenizerDraft::SetToken(int64_t id, std::string text, double score, Type type) {
  if (id < 0 || id >= max_tokens_) {
    return Error(StatusCode::kDataLoss, "token '", Quoted(text), "' has id ", id, "; ids below ",
                 max_tokens_, " are possible");
  }
  if (static_cast<size_t>(id) >= tokens.size()) tokens.resize(id + 1);
  Token& token = tokens[id];
  if (token.type != Type::kUnused) {
    return Error(StatusCode::kDataLoss, "tokens '", Quoted(token.text), "' and '", Quoted(text),
                 "' have the same id ", id);
  }
  id_of_.emplace(text, static_cast<int32_t>(id));
  token = {std::move(text), score, type, 0};
  return OkStatus();
}

Status TokenizerDraft::SetAdded(int64_t id, std::string text, bool special, int64_t flags) {
  if (text.empty()) return OkStatus();
  const Type type = special ? Type::kControl : Type::kUserDefined;
  if (id >= 0 && static_cast<size_t>(id) < tokens.size() && tokens[id].type != Type::kUnused) {
    Token& token = tokens[id];
    if (token.text != text) {
      return Error(StatusCode::kDataLoss, "added token '", Quoted(text), "' has id ", id,
                   ", which belongs to '", Quoted(token.text), "'");
    }
    if (token.type != Type::kUnknown) token.type = type;
  } else {
    AUTOGLM_RETURN_IF_ERROR(SetToken(id, std::move(text), 0, type));
  }
  tokens[id].flags = flags;
  return OkStatus();
}

int32_t TokenizerDraft::Find(std::string_view text) const {
  const auto it = id_of_.find(std::string(text));
  return it == id_of_.end() ? -1 : it->second;
}

Status TokenizerDraft::Write(Metadata* metadata) {
  if (tokens.empty()) return Error(StatusCode::kDataLoss, "the vocabulary is empty");
  FillGaps();
  if (model == "bert") RespellWordPiece();
  metadata->SetString("tokenizer.ggml.model", model);
  WriteLists(metadata);
  for (const auto& [role, key] : kRoleKeys) {
    const auto it = roles.find(role);
    const int32_t id = it == roles.end() ? -1 : Find(it->second);
    if (id >= 0) metadata->SetU32(key, static_cast<uint32_t>(id));
  }
  AUTOGLM_RETURN_IF_ERROR(WriteAround(metadata));
  AUTOGLM_RETURN_IF_ERROR(WritePre(metadata));
  if (model == "llama" || add_space_prefix) {
    metadata->SetBool("tokenizer.ggml.add_space_prefix", add_space_prefix);
  }
  if (space_first_only) metadata->SetBool(kSpaceFirstOnlyKey, true);
  if (space_unless_space) metadata->SetBool(kSpaceUnlessSpaceKey, true);
  if (lowercase) metadata->SetBool(kLowercaseKey, *lowercase);
  if (strip_accents) metadata->SetBool(kStripAccentsKey, *strip_accents);
  if (remove_extra_whitespaces) {
    metadata->SetBool("tokenizer.ggml.remove_extra_whitespaces", *remove_extra_whitespaces);
  }
  if (!charsmap.empty()) {
    std::vector<int64_t> bytes;
    for (const char byte : charsmap) bytes.push_back(static_cast<uint8_t>(byte));
    metadata->Set("tokenizer.ggml.precompiled_charsmap",
                  MetaValue{MetaType::kArray, MetaType::kU8, std::move(bytes)});
  }
  if (!chat_template.empty()) metadata->SetString("tokenizer.chat_template", chat_template);
  return OkStatus();
}

// Ids that no file names get a name of their own, as converters do.
void TokenizerDraft::FillGaps() {
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id].type == Type::kUnused && tokens[id].text.empty()) {
      tokens[id].text = StrCat("[PAD", id, "]");
    }
  }
}

// GGUF spells WordPiece the other way round: what begins a word is marked, not what goes on.
void TokenizerDraft::RespellWordPiece() {
  for (Token& token : tokens) {
    if (token.type != Type::kNormal) continue;
    if (token.text.starts_with("##")) {
      token.text.erase(0, 2);
    } else {
      token.text.insert(0, "\xE2\x96\x81");  // U+2581
    }
  }
}

void TokenizerDraft::WriteLists(Metadata* metadata) const {
  std::vector<std::string_view> texts;
  std::vector<int64_t> types, flags;
  std::vector<double> scores;
  for (size_t id = 0; id < tokens.size(); ++id) {
    const Token& token = tokens[id];
    texts.push_back(metadata->Own(token.text));
    types.push_back(static_cast<int64_t>(token.type));
    scores.push_back(token.score);
    if (token.flags != 0) flags.insert(flags.end(), {static_cast<int64_t>(id), token.flags});
  }
  metadata->SetStrings("tokenizer.ggml.tokens", std::move(texts));
  metadata->SetI32s("tokenizer.ggml.token_type", std::move(types));
  if (has_scores) metadata->SetF32s("tokenizer.ggml.scores", std::move(scores));
  if (!flags.empty()) metadata->SetI32s(kAddedFlagsKey, std::move(flags));
  if (!merges.empty()) SetOwned(metadata, "tokenizer.ggml.merges", merges);
}

// BOS and EOS have keys of their own; any other ids around a prompt go under ours.
Status TokenizerDraft::WriteAround(Metadata* metadata) {
  const auto role_id = [this](const char* role) {
    const auto it = roles.find(role);
    return it == roles.end() ? -1 : Find(it->second);
  };
  const auto write = [&](std::vector<int32_t> ids, int32_t id, std::optional<bool> asked,
                         std::string_view flag_key, std::string_view ids_key) {
    if (asked && id >= 0) {
      std::erase(ids, id);
      if (*asked) ids.insert(ids.begin(), id);
    }
    const bool is_plain = ids.empty() || (ids.size() == 1 && ids[0] == id);
    metadata->SetBool(flag_key, !ids.empty() && ids[0] == id);
    if (!is_plain) metadata->SetI32s(ids_key, std::vector<int64_t>(ids.begin(), ids.end()));
  };
  write(prefix_ids, role_id("bos"), add_bos, "tokenizer.ggml.add_bos_token", kPrefixIdsKey);
  write(suffix_ids, role_id("eos"), add_eos, "tokenizer.ggml.add_eos_token", kSuffixIdsKey);
  return OkStatus();
}

Status TokenizerDraft::WritePre(Metadata* metadata) const {
  if (model != "gpt2") {
    metadata->SetString("tokenizer.ggml.pre", "default");
    if (!normalizer.empty()) SetOwned(metadata, kNormalizerKey, normalizer);
    return OkStatus();
  }
  const PreTokenizerRow* row = pre_name.empty() ? RecognisePreTokenizer(pre_regexes, ignore_merges)
                                                : FindPreTokenizer(pre_name);
  metadata->SetString("tokenizer.ggml.pre", row ? row->name : "default");
  if (!row) SetOwned(metadata, kPreRegexKey, pre_regexes);
  if (!pre_name.empty() && row) return OkStatus();  // the name says the rest as well
  if (ignore_merges != (row && row->ignore_merges)) {
    metadata->SetBool(kIgnoreMergesKey, ignore_merges);
  }
  const std::vector<std::string> implied =
      row && row->nfc ? std::vector<std::string>{"nfc"} : std::vector<std::string>{};
  if (normalizer != implied) SetOwned(metadata, kNormalizerKey, normalizer);
  return OkStatus();
}

}  // namespace autoglm

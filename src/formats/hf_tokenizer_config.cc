// tokenizer_config.json and its older companions: special tokens, their roles, the chat template.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "formats/hf_tokenizer_draft.h"
#include "formats/hf_tokenizer_keys.h"

namespace autoglm {

namespace {

using nlohmann::json;
using Type = TokenizerDraft::Type;

constexpr const char* kRoles[] = {"bos", "eos", "unk", "pad", "cls", "sep", "mask"};

// A token is written as a string, or as an object with its content.
std::string TokenText(const json& token) {
  return token.is_string() ? token.get<std::string>() : StringMember(token, "content");
}

void ReadRoles(const json& object, TokenizerDraft* draft) {
  for (const char* role : kRoles) {
    const std::string text = TokenText(Member(object, StrCat(role, "_token")));
    if (!text.empty()) draft->roles[role] = text;
  }
}

// Makes the tokens named as special control tokens, where the vocabulary has them as plain ones.
void MarkSpecial(const json& object, TokenizerDraft* draft) {
  const auto mark = [draft](const std::string& text) {
    const int32_t id = text.empty() ? -1 : draft->Find(text);
    if (id < 0) return;
    Type& type = draft->tokens[id].type;
    if (type == Type::kNormal || type == Type::kUserDefined) type = Type::kControl;
  };
  for (const char* role : kRoles) mark(TokenText(Member(object, StrCat(role, "_token"))));
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
    const json& list = Member(object, key);
    if (!list.is_array()) continue;
    for (const json& token : list) mark(TokenText(token));
  }
}

// A template, or a list of named ones, of which the "default" is taken.
void ReadChatTemplate(const json& value, TokenizerDraft* draft) {
  if (value.is_string()) draft->chat_template = value.get<std::string>();
  if (!value.is_array()) return;
  for (const json& entry : value) {
    if (StringMember(entry, "name") == "default") {
      draft->chat_template = StringMember(entry, "template");
    }
  }
}

Status ReadAddedDecoder(const json& decoder, TokenizerDraft* draft) {
  if (!decoder.is_object()) return OkStatus();
  for (const auto& [key, token] : decoder.items()) {
    int64_t id = -1;
    if (std::from_chars(key.data(), key.data() + key.size(), id).ptr != key.data() + key.size()) {
      return Error(StatusCode::kDataLoss, "added_tokens_decoder has the key '", Quoted(key),
                   "', expected a token id");
    }
    AUTOGLM_RETURN_IF_ERROR(draft->SetAdded(
        id, TokenText(token), BoolMember(token, "special", false), AddedFlags(token)));
  }
  return OkStatus();
}

Status ReadAddedTokensJson(std::string_view text, TokenizerDraft* draft) {
  if (text.empty()) return OkStatus();
  const json added = json::parse(text, nullptr, false);
  if (!added.is_object()) {
    return Error(StatusCode::kDataLoss, "added_tokens.json is not a JSON object");
  }
  for (const auto& [token, id] : added.items()) {
    if (!id.is_number_integer()) {
      return Error(StatusCode::kDataLoss, "added_tokens.json: the id of '", Quoted(token),
                   "' is not an integer");
    }
    const int64_t value = id.get<int64_t>();
    const bool known = value >= 0 && value < static_cast<int64_t>(draft->tokens.size()) &&
                       draft->tokens[value].type != Type::kUnused;
    if (!known) AUTOGLM_RETURN_IF_ERROR(draft->SetAdded(value, token, false, 0));
  }
  return OkStatus();
}

// ChatGLM2 and 3 keep their special tokens in code: they follow the pieces in this order. "sop" and
// "eop" occur within words and are sought as words of their own only.
Status AddChatGlmTokens(TokenizerDraft* draft) {
  static constexpr const char* kNames[] = {"[MASK]",   "[gMASK]",       "[sMASK]",
                                           "sop",      "eop",           "<|system|>",
                                           "<|user|>", "<|assistant|>", "<|observation|>"};
  const int32_t mask = draft->Find("[gMASK]");
  int64_t id = mask > 0 ? mask - 1 : static_cast<int64_t>(draft->tokens.size());
  for (const std::string_view name : kNames) {
    const int64_t flags = name.ends_with("op") ? int64_t{kAddedSingleWord} : 0;
    AUTOGLM_RETURN_IF_ERROR(draft->SetAdded(id++, std::string(name), /*special=*/true, flags));
  }
  draft->prefix_ids.clear();
  draft->add_bos.reset();
  return OkStatus();
}

// The models of the GLM family start every prompt with [gMASK] and sop.
void AddGlmPrefix(TokenizerDraft* draft) {
  if (!draft->prefix_ids.empty()) return;
  for (const char* name : {"<sop>", "sop"}) {
    const int32_t mask = draft->Find("[gMASK]"), sop = draft->Find(name);
    if (mask < 0 || sop < 0 || draft->tokens[sop].type != Type::kControl) continue;
    draft->prefix_ids = {mask, sop};
    draft->add_bos.reset();
  }
}

// Ranks and vocab.json say nothing of how a text is split: their families do.
void ChoosePreTokenizer(std::string_view tokenizer_class, TokenizerDraft* draft) {
  if (draft->model != "gpt2" || !draft->pre_is_open) return;
  if (draft->ignore_merges) {  // tiktoken
    draft->pre_name = draft->Find("[gMASK]") >= 0 ? "glm4" : "llama-bpe";
  } else {
    draft->pre_name = tokenizer_class.starts_with("Qwen2") ? "qwen2" : "gpt-2";
  }
}

}  // namespace

Status ReadTokenizerConfig(std::string_view config_text, std::string_view special_tokens_map,
                           std::string_view added_tokens, TokenizerDraft* draft) {
  json config = json::object(), map = json::object();
  if (!config_text.empty()) config = json::parse(config_text, nullptr, false);
  if (!special_tokens_map.empty()) map = json::parse(special_tokens_map, nullptr, false);
  if (!config.is_object()) {
    return Error(StatusCode::kDataLoss, "tokenizer_config.json is not a JSON object");
  }
  if (!map.is_object()) {
    return Error(StatusCode::kDataLoss, "special_tokens_map.json is not a JSON object");
  }
  ReadRoles(map, draft);
  ReadRoles(config, draft);
  AUTOGLM_RETURN_IF_ERROR(ReadAddedDecoder(Member(config, "added_tokens_decoder"), draft));
  AUTOGLM_RETURN_IF_ERROR(ReadAddedTokensJson(added_tokens, draft));
  const std::string tokenizer_class = StringMember(config, "tokenizer_class");
  MarkSpecial(map, draft);
  MarkSpecial(config, draft);
  const auto optional_bool = [&](const char* key) {
    const json& value = Member(config, key);
    return value.is_boolean() ? std::optional(value.get<bool>()) : std::nullopt;
  };
  draft->add_bos = optional_bool("add_bos_token");
  draft->add_eos = optional_bool("add_eos_token");
  if (draft->model == "llama" && tokenizer_class == "ChatGLMTokenizer") {
    AUTOGLM_RETURN_IF_ERROR(AddChatGlmTokens(draft));
  }
  AddGlmPrefix(draft);
  if (draft->model == "llama" && draft->prefix_ids.empty() && !draft->add_bos &&
      tokenizer_class.starts_with("Llama")) {
    draft->add_bos = true;  // the default of that class
  }
  if (draft->model == "bert" && !draft->lowercase) {
    draft->lowercase = BoolMember(config, "do_lower_case", true);
    draft->strip_accents = BoolMember(config, "strip_accents", *draft->lowercase);
  }
  ChoosePreTokenizer(tokenizer_class, draft);
  ReadChatTemplate(Member(config, "chat_template"), draft);
  return OkStatus();
}

}  // namespace autoglm

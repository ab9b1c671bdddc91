#include "training/tokenizer_metadata.h"

#include <nlohmann/json.hpp>

#include "formats/byte_alphabet.h"
#include "formats/hf_tokenizer_keys.h"
#include "formats/hf_tokenizer_pre.h"
#include "platform/file.h"
#include "text/tokenizer.h"

namespace autoglm {

namespace {

using nlohmann::ordered_json;

/// The regular expressions by which the tokenizer of `metadata` splits texts, and its way to take
/// whole pieces.
struct Splitting {
  std::vector<std::string_view> regexes;
  bool ignore_merges = false;
  bool nfc = false;
};

Result<Splitting> SplittingOf(const Metadata& metadata) {
  Splitting out;
  AUTOGLM_ASSIGN_OR_RETURN(const std::string_view pre,
                           metadata.GetString("tokenizer.ggml.pre", "default"));
  const PreTokenizerRow* row = FindPreTokenizer(pre);
  if (row != nullptr) {
    out = {{row->regexes.begin(), row->regexes.end()}, row->ignore_merges, row->nfc};
  }
  if (metadata.Has(kPreRegexKey)) {
    AUTOGLM_ASSIGN_OR_RETURN(const auto regexes, metadata.GetStrings(kPreRegexKey));
    out.regexes.assign(regexes.begin(), regexes.end());
  } else if (row == nullptr) {
    return Error(StatusCode::kUnimplemented, "the pre-tokenizer '", Quoted(pre), "' is not known");
  }
  AUTOGLM_ASSIGN_OR_RETURN(out.ignore_merges,
                           metadata.GetBool(kIgnoreMergesKey, out.ignore_merges));
  if (metadata.Has(kNormalizerKey)) {
    AUTOGLM_ASSIGN_OR_RETURN(const auto steps, metadata.GetStrings(kNormalizerKey));
    out.nfc = steps.size() == 1 && steps[0] == "nfc";
    if (!steps.empty() && !out.nfc) {
      return Error(StatusCode::kUnimplemented, "a tokenizer with normalizer '", Quoted(steps[0]),
                   "' cannot be written");
    }
  }
  return out;
}

ordered_json PreTokenizerJson(const Splitting& splitting) {
  auto stages = ordered_json::array();
  for (const std::string_view regex : splitting.regexes) {
    stages.push_back({{"type", "Split"},
                      {"pattern", {{"Regex", regex}}},
                      {"behavior", "Isolated"},
                      {"invert", false}});
  }
  stages.push_back({{"type", "ByteLevel"},
                    {"add_prefix_space", false},
                    {"trim_offsets", true},
                    {"use_regex", false}});
  return {{"type", "Sequence"}, {"pretokenizers", std::move(stages)}};
}

bool IsAdded(int64_t type) {
  return type == static_cast<int64_t>(TokenType::kControl) ||
         type == static_cast<int64_t>(TokenType::kUserDefined);
}

Result<ordered_json> TokenizerJson(const Metadata& metadata) {
  AUTOGLM_ASSIGN_OR_RETURN(const auto tokens, metadata.GetStrings("tokenizer.ggml.tokens"));
  AUTOGLM_ASSIGN_OR_RETURN(const auto merges, metadata.GetStrings("tokenizer.ggml.merges"));
  std::vector<int64_t> types(tokens.size(), static_cast<int64_t>(TokenType::kNormal));
  if (metadata.Has("tokenizer.ggml.token_type")) {
    AUTOGLM_ASSIGN_OR_RETURN(const auto stored, metadata.GetInts("tokenizer.ggml.token_type"));
    if (stored.size() != types.size()) {
      return Error(StatusCode::kDataLoss, "there are ", stored.size(), " token types for ",
                   types.size(), " tokens");
    }
    types.assign(stored.begin(), stored.end());
  }
  AUTOGLM_ASSIGN_OR_RETURN(const Splitting splitting, SplittingOf(metadata));
  auto vocab = ordered_json::object();
  auto added = ordered_json::array();
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (IsAdded(types[id])) {
      added.push_back({{"id", id},
                       {"content", tokens[id]},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", false},
                       {"special", types[id] == static_cast<int64_t>(TokenType::kControl)}});
    } else {
      vocab[std::string(tokens[id])] = id;
    }
  }
  auto pairs = ordered_json::array();
  for (const std::string_view merge : merges) {
    const size_t space = merge.find(' ', 1);
    if (space == merge.npos) {
      return Error(StatusCode::kDataLoss, "the merge '", Quoted(merge), "' is no pair");
    }
    pairs.push_back({merge.substr(0, space), merge.substr(space + 1)});
  }
  const ordered_json byte_level = {{"type", "ByteLevel"},
                                   {"add_prefix_space", false},
                                   {"trim_offsets", true},
                                   {"use_regex", false}};
  return ordered_json{
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", std::move(added)},
      {"normalizer", splitting.nfc ? ordered_json{{"type", "NFC"}} : ordered_json(nullptr)},
      {"pre_tokenizer", PreTokenizerJson(splitting)},
      {"post_processor", byte_level},
      {"decoder", byte_level},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", nullptr},
        {"continuing_subword_prefix", nullptr},
        {"end_of_word_suffix", nullptr},
        {"fuse_unk", false},
        {"byte_fallback", false},
        {"ignore_merges", splitting.ignore_merges},
        {"vocab", std::move(vocab)},
        {"merges", std::move(pairs)}}}};
}

/// The token with the id under `key`, or "".
std::string TokenUnder(const Metadata& metadata, std::string_view key) {
  const auto tokens = metadata.GetStrings("tokenizer.ggml.tokens");
  const auto id = metadata.GetInt(key);
  const bool there =
      tokens.ok() && id.ok() && *id >= 0 && *id < static_cast<int64_t>(tokens->size());
  return there ? std::string((*tokens)[static_cast<size_t>(*id)]) : std::string();
}

ordered_json TokenizerConfigJson(const Metadata& metadata) {
  ordered_json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                         {"add_bos_token", false},
                         {"clean_up_tokenization_spaces", false}};
  for (const char* role : {"bos", "eos", "padding"}) {
    const std::string token = TokenUnder(metadata, StrCat("tokenizer.ggml.", role, "_token_id"));
    const std::string_view name = std::string_view(role) == "padding" ? "pad" : role;
    if (!token.empty()) config[StrCat(name, "_token")] = token;
  }
  return config;
}

Status WriteJson(const std::string& folder, const char* name, const ordered_json& value) {
  return WriteFileAtomic(JoinPath(folder, name), value.dump(2) + "\n");
}

}  // namespace

SpecialTokens DefaultSpecialTokens() {
  SpecialTokens special;
  special.names = {"<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"};
  special.eos = "<|endoftext|>";
  special.chat_template =
      "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}"
      "{% if message.role == 'assistant' %}<|endoftext|>{% endif %}{% endfor %}"
      "{% if add_generation_prompt %}<|assistant|>{% endif %}";
  return special;
}

void WriteTokenizerMetadata(const BpeVocabulary& vocabulary, const SpecialTokens& special,
                            Metadata* metadata) {
  std::vector<std::string_view> tokens, merges;
  std::vector<int64_t> types(vocabulary.tokens.size(), static_cast<int64_t>(TokenType::kNormal));
  for (const std::string& bytes : vocabulary.tokens) {
    tokens.push_back(metadata->Own(ToByteAlphabet(bytes)));
  }
  for (const auto& [left, right] : vocabulary.merges) {
    merges.push_back(metadata->Own(StrCat(tokens[left], " ", tokens[right])));
  }
  uint32_t eos_id = 0;
  for (const std::string& name : special.names) {
    if (name == special.eos) eos_id = static_cast<uint32_t>(tokens.size());
    tokens.push_back(metadata->Own(name));
    types.push_back(static_cast<int64_t>(TokenType::kControl));
  }
  metadata->SetString("tokenizer.ggml.model", "gpt2");
  metadata->SetString("tokenizer.ggml.pre", special.pre);
  metadata->SetStrings("tokenizer.ggml.tokens", std::move(tokens));
  metadata->SetI32s("tokenizer.ggml.token_type", std::move(types));
  metadata->SetStrings("tokenizer.ggml.merges", std::move(merges));
  metadata->SetU32("tokenizer.ggml.eos_token_id", eos_id);
  metadata->SetU32("tokenizer.ggml.padding_token_id", eos_id);
  metadata->SetBool("tokenizer.ggml.add_bos_token", false);
  if (!special.chat_template.empty()) {
    metadata->SetString("tokenizer.chat_template", special.chat_template);
  }
}

Status WriteTokenizerFolder(const Metadata& metadata, const std::string& folder) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::string_view model,
                           metadata.GetString("tokenizer.ggml.model", ""));
  if (model != "gpt2") {
    return Error(StatusCode::kUnimplemented, "a tokenizer of kind '", Quoted(model),
                 "' cannot be written as a Hugging Face folder; byte-level BPE ('gpt2') can");
  }
  AUTOGLM_ASSIGN_OR_RETURN(const ordered_json tokenizer, TokenizerJson(metadata));
  AUTOGLM_RETURN_IF_ERROR(
      WriteFileAtomic(JoinPath(folder, "tokenizer.json"), tokenizer.dump(1) + "\n"));
  AUTOGLM_RETURN_IF_ERROR(
      WriteJson(folder, "tokenizer_config.json", TokenizerConfigJson(metadata)));
  if (const auto eos = metadata.GetInt("tokenizer.ggml.eos_token_id"); eos.ok()) {
    AUTOGLM_RETURN_IF_ERROR(
        WriteJson(folder, "generation_config.json",
                  {{"eos_token_id", *eos}, {"pad_token_id", *eos}, {"do_sample", false}}));
  }
  AUTOGLM_ASSIGN_OR_RETURN(const std::string_view chat_template,
                           metadata.GetString("tokenizer.chat_template", ""));
  if (chat_template.empty()) return OkStatus();
  return WriteFileAtomic(JoinPath(folder, "chat_template.jinja"), chat_template);
}

}  // namespace autoglm

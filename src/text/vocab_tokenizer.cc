#include "text/vocab_tokenizer.h"

#include <deque>
#include <map>
#include <utility>

#include "formats/hf_tokenizer_keys.h"

namespace autoglm {

namespace {

bool IsWrittenAsSuch(TokenType type) {
  return type == TokenType::kControl || type == TokenType::kUserDefined ||
         type == TokenType::kUnknown;
}

}  // namespace

Status VocabTokenizer::Init(const Metadata& metadata, bool default_bos,
                            std::vector<std::string> bytes) {
  for (int32_t id = 0; id < vocab_.size(); ++id) {
    const bool literal = IsWrittenAsSuch(vocab_.type(id));
    bytes_.append(literal ? vocab_.tokens()[id] : std::string_view(bytes[id]));
    bytes_end_.push_back(static_cast<uint32_t>(bytes_.size()));
  }
  if (bytes_.size() > UINT32_MAX) {
    return Error(StatusCode::kDataLoss, "the vocabulary is larger than 4 GiB");
  }
  AUTOGLM_RETURN_IF_ERROR(ReadAroundIds(metadata, default_bos));
  return ReadAddedTokens(metadata);
}

Status VocabTokenizer::ReadAroundIds(const Metadata& metadata, bool default_bos) {
  const int32_t n = vocab_.size();
  AUTOGLM_ASSIGN_OR_RETURN(const bool bos,
                           metadata.GetBool("tokenizer.ggml.add_bos_token", default_bos));
  AUTOGLM_ASSIGN_OR_RETURN(const bool eos, metadata.GetBool("tokenizer.ggml.add_eos_token", false));
  AUTOGLM_ASSIGN_OR_RETURN(prefix_ids_, ReadTokenIds(metadata, kPrefixIdsKey, n));
  AUTOGLM_ASSIGN_OR_RETURN(suffix_ids_, ReadTokenIds(metadata, kSuffixIdsKey, n));
  if (!metadata.Has(kPrefixIdsKey) && bos && vocab_.bos_id >= 0) prefix_ids_ = {vocab_.bos_id};
  if (!metadata.Has(kSuffixIdsKey) && eos && vocab_.eos_id >= 0) suffix_ids_ = {vocab_.eos_id};
  return OkStatus();
}

Status VocabTokenizer::ReadAddedTokens(const Metadata& metadata) {
  std::map<int32_t, int64_t> flags_of;
  if (metadata.Has(kAddedFlagsKey)) {
    AUTOGLM_ASSIGN_OR_RETURN(const std::span<const int64_t> flags,
                             metadata.GetInts(kAddedFlagsKey));
    for (size_t i = 0; i + 1 < flags.size(); i += 2) {
      flags_of[static_cast<int32_t>(flags[i])] = flags[i + 1];
    }
  }
  // Phi-3's special tokens take the white space behind them; its GGUF files cannot say so.
  AUTOGLM_ASSIGN_OR_RETURN(const std::string_view architecture,
                           metadata.GetString("general.architecture", ""));
  AUTOGLM_ASSIGN_OR_RETURN(const std::string_view model,
                           metadata.GetString("tokenizer.ggml.model", ""));
  const bool is_phi3 = architecture == "phi3" && model == "llama" && !metadata.Has(kAddedFlagsKey);
  std::vector<AddedToken> raw, normalized;
  for (int32_t id = 0; id < vocab_.size(); ++id) {
    const TokenType type = vocab_.type(id);
    const std::string_view text = vocab_.tokens()[id];
    if (!IsWrittenAsSuch(type) || text.empty()) continue;
    const auto it = flags_of.find(id);
    int64_t flags = it == flags_of.end() ? 0 : it->second;
    if (is_phi3 && text != "<unk>" && text != "<s>" && text != "<|endoftext|>") {
      flags |= kAddedRstrip;
    }
    const bool after = (flags & kAddedNormalized) && !normalizer_.empty();
    std::string sought = after ? normalizer_.Apply(text) : std::string(text);
    if (sought.empty()) continue;
    (after ? normalized : raw)
        .push_back({std::move(sought), id, type != TokenType::kUserDefined, flags});
  }
  added_ = AddedTokens(std::move(raw));
  normalized_added_ = AddedTokens(std::move(normalized));
  return OkStatus();
}

std::vector<int32_t> VocabTokenizer::Encode(std::string_view text, EncodeOptions options) const {
  std::vector<Segment> segments;
  std::deque<std::string> normalized;  // the texts that segments point into: must not move
  const auto split = [&](const AddedTokens& tokens, std::string_view part, auto&& add_text) {
    size_t at = 0;
    AddedTokens::Match match;
    while (tokens.Find(part, at, options.parse_special, &match)) {
      if (match.begin > at) add_text(part.substr(at, match.begin - at));
      segments.push_back({{}, match.id});
      at = match.end;
    }
    if (at < part.size()) add_text(part.substr(at));
  };
  split(added_, text, [&](std::string_view part) {
    if (!normalizer_.empty()) part = normalized.emplace_back(normalizer_.Apply(part));
    split(normalized_added_, part, [&](std::string_view rest) { segments.push_back({rest, -1}); });
  });
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 4 + 8);
  if (options.add_special) ids = prefix_ids_;
  EncodeSegments(segments, &ids);
  if (options.add_special) ids.insert(ids.end(), suffix_ids_.begin(), suffix_ids_.end());
  return ids;
}

bool VocabTokenizer::adds_bos() const {
  return !prefix_ids_.empty() && prefix_ids_[0] == vocab_.bos_id;
}

std::string_view VocabTokenizer::TokenBytes(int32_t id) const {
  if (!vocab_.Has(id)) return {};
  const uint32_t begin = id == 0 ? 0 : bytes_end_[id - 1];
  return std::string_view(bytes_).substr(begin, bytes_end_[id] - begin);
}

std::string VocabTokenizer::Decode(std::span<const int32_t> ids, bool keep_special) const {
  std::string out;
  bool is_first = true;
  for (const int32_t id : ids) {
    const TokenType t = type(id);
    const bool is_control = t == TokenType::kControl || t == TokenType::kUnknown;
    if (is_control && !keep_special) continue;
    std::string_view bytes = TokenBytes(id);
    if (is_first && strips_first_space_ && !is_control && bytes.starts_with(' ')) {
      bytes.remove_prefix(1);
    }
    is_first = false;
    out.append(bytes);
  }
  return out;
}

}  // namespace autoglm

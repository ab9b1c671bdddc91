// tokenizer.json, the format of Hugging Face tokenizers: a pipeline of normalizer, pre-tokenizer,
// model, post-processor and decoder, each named by its "type".
#include <nlohmann/json.hpp>
#include <utility>

#include "base/utf8.h"
#include "formats/hf_tokenizer_draft.h"
#include "formats/hf_tokenizer_pre.h"

namespace autoglm {

namespace {

using nlohmann::json;
using Type = TokenizerDraft::Type;

constexpr std::string_view kMetaspace = "\xE2\x96\x81";  // U+2581
constexpr std::string_view kPunctuation = R"([\p{P}\$\+<=>\^~\|`])";
constexpr int kMaxDepth = 20;  // of Sequence in Sequence

Status Unsupported(std::string_view what, std::string_view name) {
  return Error(StatusCode::kUnimplemented, "the ", what, " '", Quoted(name), "' is not supported");
}

std::string EscapeRegex(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos) out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

class Reader {
 public:
  explicit Reader(TokenizerDraft* draft) : draft_(draft) {}

  Status Read(const json& root) {
    const json& model = Member(root, "model");
    if (!model.is_object()) return Error(StatusCode::kDataLoss, "there is no \"model\" object");
    std::string type = StringMember(model, "type");
    if (type.empty()) type = model.contains("merges") ? "BPE" : "WordPiece";  // very old files
    if (type == "WordPiece") {
      AUTOGLM_RETURN_IF_ERROR(ReadWordPiece(root, model));
    } else if (type == "BPE") {
      AUTOGLM_RETURN_IF_ERROR(ReadBpe(root, model));
    } else {
      return Error(StatusCode::kUnimplemented, "the tokenizer model '", Quoted(type),
                   "' is not supported; BPE and WordPiece are");
    }
    AUTOGLM_RETURN_IF_ERROR(ReadAdded(Member(root, "added_tokens")));
    return ReadPostProcessor(Member(root, "post_processor"), 0);
  }

 private:
  Status ReadBpe(const json& root, const json& model) {
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!StringMember(model, key).empty()) return Unsupported("BPE option", key);
    }
    byte_level_ = Mentions(Member(root, "pre_tokenizer"), "ByteLevel", 0) ||
                  Mentions(Member(root, "decoder"), "ByteLevel", 0);
    draft_->model = byte_level_ ? "gpt2" : "llama";
    draft_->ignore_merges = BoolMember(model, "ignore_merges", false);
    AUTOGLM_RETURN_IF_ERROR(ReadVocab(Member(model, "vocab")));
    AUTOGLM_RETURN_IF_ERROR(ReadMerges(Member(model, "merges")));
    if (const std::string unk = StringMember(model, "unk_token"); !unk.empty()) {
      draft_->roles["unk"] = unk;
    }
    AUTOGLM_RETURN_IF_ERROR(ReadNormalizer(Member(root, "normalizer"), 0));
    AUTOGLM_RETURN_IF_ERROR(ReadPreTokenizer(Member(root, "pre_tokenizer"), 0));
    return byte_level_ ? OkStatus()
                       : FinishSentencePiece(BoolMember(model, "byte_fallback", false));
  }

  // SentencePiece-like BPE: spaces must have become U+2581, and nothing else may split the text.
  Status FinishSentencePiece(bool byte_fallback) {
    if (!escapes_spaces_) {
      return Unsupported("BPE without ByteLevel and without", "U+2581 for spaces");
    }
    if (draft_->merges.empty()) return Error(StatusCode::kDataLoss, "the model has no merges");
    for (auto& token : draft_->tokens) {
      const bool is_byte = token.text.size() == 6 && token.text.starts_with("<0x");
      if (is_byte && byte_fallback) token.type = Type::kByte;
    }
    // Readers that know no merges for this algorithm go by scores: earlier merges score higher.
    draft_->has_scores = true;
    for (auto& token : draft_->tokens) token.score = -1e6;
    for (size_t rank = draft_->merges.size(); rank-- > 0;) {
      std::string merged = draft_->merges[rank];
      merged.erase(merged.find(' ', 1), 1);
      const int32_t id = draft_->Find(merged);
      if (id >= 0) draft_->tokens[id].score = -static_cast<double>(rank);
    }
    return OkStatus();
  }

  Status ReadVocab(const json& vocab) {
    if (!vocab.is_object())
      return Error(StatusCode::kDataLoss, "the model has no \"vocab\" object");
    draft_->ExpectTokens(vocab.size());
    for (const auto& [text, id] : vocab.items()) {
      if (!id.is_number_integer()) {
        return Error(StatusCode::kDataLoss, "the id of token '", Quoted(text),
                     "' is not an integer");
      }
      AUTOGLM_RETURN_IF_ERROR(draft_->SetToken(id.get<int64_t>(), text, 0, Type::kNormal));
    }
    return OkStatus();
  }

  Status ReadMerges(const json& merges) {
    if (!merges.is_array()) return Error(StatusCode::kDataLoss, "the model has no \"merges\" list");
    draft_->merges.reserve(merges.size());
    for (const json& merge : merges) {
      if (merge.is_string()) {
        draft_->merges.push_back(merge.get<std::string>());
      } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
                 merge[1].is_string()) {
        const std::string left = merge[0].get<std::string>(), right = merge[1].get<std::string>();
        if (left.find(' ') != std::string::npos || right.find(' ') != std::string::npos) {
          return Unsupported("merge of a token with a space:", StrCat(left, " + ", right));
        }
        draft_->merges.push_back(StrCat(left, " ", right));
      } else {
        return Error(StatusCode::kDataLoss, "merges[", draft_->merges.size(),
                     "] is neither a string nor a pair of strings");
      }
      const std::string& line = draft_->merges.back();
      const size_t space = line.find(' ', 1);
      if (space == std::string::npos || space + 1 == line.size()) {
        return Error(StatusCode::kDataLoss, "merges[", draft_->merges.size() - 1, "] is '",
                     Quoted(line), "', expected two tokens with a space between them");
      }
    }
    return OkStatus();
  }

  // Whether a stage, or one of its sequence, has this type.
  static bool Mentions(const json& stage, std::string_view type, int depth) {
    if (depth > kMaxDepth) return false;
    if (StringMember(stage, "type") == type) return true;
    for (const char* key : {"pretokenizers", "decoders", "normalizers", "processors"}) {
      const json& list = Member(stage, key);
      if (!list.is_array()) continue;
      for (const json& part : list) {
        if (Mentions(part, type, depth + 1)) return true;
      }
    }
    return false;
  }

  // Calls (this->*read) for each part of the sequence `list`.
  Status ReadEach(const json& list, int depth, Status (Reader::*read)(const json&, int)) {
    if (depth > kMaxDepth || !list.is_array()) {
      return Error(StatusCode::kDataLoss, "a Sequence without its list, or nested too deep");
    }
    for (const json& part : list) AUTOGLM_RETURN_IF_ERROR((this->*read)(part, depth + 1));
    return OkStatus();
  }

  Status ReadNormalizer(const json& stage, int depth) {
    if (stage.is_null()) return OkStatus();
    const std::string type = StringMember(stage, "type");
    if (type == "Sequence") {
      return ReadEach(Member(stage, "normalizers"), depth, &Reader::ReadNormalizer);
    }
    static constexpr std::pair<std::string_view, std::string_view> kSimple[] = {
        {"NFC", "nfc"},
        {"NFD", "nfd"},
        {"NFKC", "nfkc"},
        {"NFKD", "nfkd"},
        {"Lowercase", "lowercase"},
        {"StripAccents", "strip_accents"}};
    for (const auto& [name, step] : kSimple) {
      if (type == name) return draft_->normalizer.emplace_back(step), OkStatus();
    }
    if (type == "Prepend") return ReadPrepend(StringMember(stage, "prepend"));
    if (type == "Replace") return ReadReplace(stage);
    return Unsupported("normalizer", type);
  }

  Status ReadPrepend(std::string text) {
    if (!byte_level_ && (text == kMetaspace || text == " ")) {
      draft_->add_space_prefix = true;
    } else {
      draft_->normalizer.insert(draft_->normalizer.end(), {"prepend", std::move(text)});
    }
    return OkStatus();
  }

  Status ReadReplace(const json& stage) {
    const json& pattern = Member(stage, "pattern");
    if (!Member(pattern, "String").is_string()) return Unsupported("normalizer", "Replace (Regex)");
    std::string from = StringMember(pattern, "String"), to = StringMember(stage, "content");
    if (!byte_level_ && from == " " && to == kMetaspace) {
      escapes_spaces_ = true;
    } else if (!from.empty()) {
      draft_->normalizer.insert(draft_->normalizer.end(),
                                {"replace", std::move(from), std::move(to)});
    }
    return OkStatus();
  }

  Status ReadPreTokenizer(const json& stage, int depth) {
    if (stage.is_null()) return OkStatus();
    const std::string type = StringMember(stage, "type");
    if (type == "Sequence") {
      return ReadEach(Member(stage, "pretokenizers"), depth, &Reader::ReadPreTokenizer);
    }
    if (type == "Metaspace") return ReadMetaspace(stage);
    if (type == "Split") return ReadSplit(stage);
    if (!byte_level_) return Unsupported("pre-tokenizer without ByteLevel", type);
    if (type == "ByteLevel") {
      if (BoolMember(stage, "add_prefix_space", true)) draft_->add_space_prefix = true;
      if (BoolMember(stage, "use_regex", true)) {
        draft_->pre_regexes.emplace_back(FindPreTokenizer("gpt-2")->regexes[0]);
      }
    } else if (type == "Digits") {
      draft_->pre_regexes.push_back(BoolMember(stage, "individual_digits", false) ? R"(\p{N})"
                                                                                  : R"(\p{N}+)");
    } else if (type == "Punctuation") {
      const std::string behavior = StringMember(stage, "behavior", "Isolated");
      if (behavior != "Isolated" && behavior != "Contiguous") {
        return Unsupported("Punctuation behavior", behavior);
      }
      draft_->pre_regexes.push_back(StrCat(kPunctuation, behavior == "Contiguous" ? "+" : ""));
    } else {
      return Unsupported("pre-tokenizer", type);
    }
    return OkStatus();
  }

  Status ReadMetaspace(const json& stage) {
    if (byte_level_) return Unsupported("pre-tokenizer beside ByteLevel", "Metaspace");
    if (StringMember(stage, "replacement", kMetaspace) != kMetaspace) {
      return Unsupported("Metaspace replacement", StringMember(stage, "replacement"));
    }
    if (BoolMember(stage, "split", true)) return Unsupported("Metaspace option", "split");
    const bool adds = BoolMember(stage, "add_prefix_space", true);
    const std::string scheme = StringMember(stage, "prepend_scheme", adds ? "always" : "never");
    escapes_spaces_ = true;
    if (scheme != "never") draft_->add_space_prefix = draft_->space_unless_space = true;
    draft_->space_first_only = scheme == "first";
    return OkStatus();
  }

  Status ReadSplit(const json& stage) {
    const json& pattern = Member(stage, "pattern");
    const std::string behavior = StringMember(stage, "behavior", "Isolated");
    if (!byte_level_) {
      // Harmless where all spaces have been replaced before (Gemma).
      if (escapes_spaces_ && StringMember(pattern, "String") == " ") return OkStatus();
      return Unsupported("pre-tokenizer without ByteLevel", "Split");
    }
    std::string regex = Member(pattern, "Regex").is_string()
                            ? StringMember(pattern, "Regex")
                            : EscapeRegex(StringMember(pattern, "String"));
    if (regex.empty()) return Error(StatusCode::kDataLoss, "a Split without a pattern");
    if (behavior == "Contiguous") {
      regex = StrCat("(?:", regex, ")+");
    } else if (behavior == "Removed" && BoolMember(stage, "invert", false)) {
      // The matches are the pieces; the patterns in use leave nothing between them.
    } else if (behavior != "Isolated") {
      return Unsupported("Split behavior", behavior);
    }
    draft_->pre_regexes.push_back(std::move(regex));
    return OkStatus();
  }

  Status ReadWordPiece(const json& root, const json& model) {
    draft_->model = "bert";
    if (StringMember(model, "continuing_subword_prefix", "##") != "##") {
      return Unsupported("WordPiece prefix", StringMember(model, "continuing_subword_prefix"));
    }
    AUTOGLM_RETURN_IF_ERROR(ReadVocab(Member(model, "vocab")));
    draft_->roles["unk"] = StringMember(model, "unk_token", "[UNK]");
    const json& normalizer = Member(root, "normalizer");
    const std::string type = StringMember(normalizer, "type");
    if (type != "BertNormalizer") return Unsupported("normalizer for WordPiece", type);
    for (const char* key : {"clean_text", "handle_chinese_chars"}) {
      if (!BoolMember(normalizer, key, true)) return Unsupported("BertNormalizer without", key);
    }
    draft_->lowercase = BoolMember(normalizer, "lowercase", true);
    draft_->strip_accents = BoolMember(normalizer, "strip_accents", *draft_->lowercase);
    const std::string pre = StringMember(Member(root, "pre_tokenizer"), "type");
    if (pre != "BertPreTokenizer") return Unsupported("pre-tokenizer for WordPiece", pre);
    return OkStatus();
  }

  Status ReadAdded(const json& list) {
    if (list.is_null()) return OkStatus();
    if (!list.is_array()) return Error(StatusCode::kDataLoss, "added_tokens is not a list");
    for (const json& token : list) {
      const json& id = Member(token, "id");
      if (!id.is_number_integer()) {
        return Error(StatusCode::kDataLoss, "an added token has no integer id");
      }
      AUTOGLM_RETURN_IF_ERROR(draft_->SetAdded(id.get<int64_t>(), StringMember(token, "content"),
                                               BoolMember(token, "special", false),
                                               AddedFlags(token)));
    }
    return OkStatus();
  }

  Status ReadPostProcessor(const json& stage, int depth) {
    if (stage.is_null()) return OkStatus();
    const std::string type = StringMember(stage, "type");
    if (type == "Sequence") {
      return ReadEach(Member(stage, "processors"), depth, &Reader::ReadPostProcessor);
    }
    if (type == "TemplateProcessing") return ReadTemplate(stage);
    if (type == "BertProcessing" || type == "RobertaProcessing") {
      const auto id_of = [&](const char* key) {
        const json& pair = Member(stage, key);
        return pair.is_array() && pair.size() == 2 && pair[0].is_string()
                   ? draft_->Find(pair[0].get<std::string>())
                   : -1;
      };
      if (id_of("cls") >= 0) draft_->prefix_ids = {id_of("cls")};
      if (id_of("sep") >= 0) draft_->suffix_ids = {id_of("sep")};
    }
    return OkStatus();  // ByteLevel only concerns offsets
  }

  Status ReadTemplate(const json& stage) {
    const json& single = Member(stage, "single");
    if (!single.is_array()) return Error(StatusCode::kDataLoss, "a template without \"single\"");
    std::vector<int32_t>* ids = &draft_->prefix_ids;
    ids->clear();
    draft_->suffix_ids.clear();
    for (const json& part : single) {
      if (part.contains("Sequence")) {
        ids = &draft_->suffix_ids;
        continue;
      }
      const std::string name = StringMember(Member(part, "SpecialToken"), "id");
      const json& list = Member(Member(Member(stage, "special_tokens"), name), "ids");
      if (!list.is_array()) {
        return Error(StatusCode::kDataLoss, "the template's token '", Quoted(name), "' has no ids");
      }
      for (const json& id : list) {
        const int64_t value = id.is_number_integer() ? id.get<int64_t>() : -1;
        if (value < 0 || value >= static_cast<int64_t>(draft_->tokens.size())) {
          return Error(StatusCode::kDataLoss, "the template's token '", Quoted(name),
                       "' has an id outside the vocabulary");
        }
        ids->push_back(static_cast<int32_t>(value));
      }
    }
    return OkStatus();
  }

  TokenizerDraft* draft_;
  bool byte_level_ = false;
  bool escapes_spaces_ = false;
};

}  // namespace

Status ReadTokenizerJson(std::string_view text, TokenizerDraft* draft) {
  const json root = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return Error(StatusCode::kDataLoss, "not a JSON object");
  return Reader(draft).Read(root);
}

}  // namespace autoglm

// SentencePiece-style BPE (Llama 2, ChatGLM3): tokenizer.ggml.model "llama". Spaces are written as
// U+2581; characters merge by the score of what they give (or by tokenizer.ggml.merges, where
// there are any); what stays unknown becomes byte tokens. Kudo, Richardson 2018.
#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/utf8.h"
#include "formats/hf_tokenizer_keys.h"
#include "text/bpe_merges.h"
#include "text/charsmap.h"
#include "text/vocab_tokenizer.h"

namespace autoglm {

namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581

class SpmTokenizer final : public VocabTokenizer {
 public:
  explicit SpmTokenizer(Vocabulary vocab) : VocabTokenizer(std::move(vocab)) {}

  Status Load(const Metadata& metadata);

 protected:
  void EncodeSegments(std::span<const Segment> segments, std::vector<int32_t>* out) const override;

 private:
  Status LoadBytes(const Metadata& metadata);
  void LoadCharSymbols();
  Status LoadMergesFromScores();
  Status LoadMergesFromList(std::span<const std::string_view> merges);
  bool Merges(int32_t id) const { return vocab_.type(id) == TokenType::kNormal; }
  int32_t SymbolOf(std::string_view part) const;
  void Escape(std::string_view text, bool is_first, std::string* escaped) const;
  void EncodeText(std::string_view escaped, std::vector<int32_t>* symbols,
                  std::vector<int32_t>* out) const;
  void EncodeWord(std::string_view word, std::vector<int32_t>* symbols,
                  std::vector<int32_t>* out) const;
  void AppendUnknown(std::string_view bytes, std::vector<int32_t>* out) const;

  BpeMerges merges_;
  bool adds_space_ = true;
  bool space_first_only_ = false;
  bool space_unless_space_ = false;
  bool trims_spaces_ = false;  ///< none at the ends, one between words
  CharsMap charsmap_;
  bool splits_at_spaces_ = false;  ///< no token has a space behind anything else
  std::array<int32_t, 256> byte_token_{};
  /// Symbols of characters: token ids; from vocab size on, characters that only occur in longer
  /// tokens (unknown_chars_ spells them).
  std::unordered_map<char32_t, int32_t> char_symbol_;
  std::array<int32_t, 128> ascii_symbol_{};
  std::vector<std::string> unknown_chars_;
};

Status SpmTokenizer::Load(const Metadata& metadata) {
  AUTOGLM_ASSIGN_OR_RETURN(adds_space_, metadata.GetBool("tokenizer.ggml.add_space_prefix", true));
  AUTOGLM_ASSIGN_OR_RETURN(space_first_only_, metadata.GetBool(kSpaceFirstOnlyKey, false));
  AUTOGLM_ASSIGN_OR_RETURN(space_unless_space_, metadata.GetBool(kSpaceUnlessSpaceKey, false));
  AUTOGLM_ASSIGN_OR_RETURN(trims_spaces_,
                           metadata.GetBool("tokenizer.ggml.remove_extra_whitespaces", false));
  if (metadata.Has("tokenizer.ggml.precompiled_charsmap")) {
    AUTOGLM_ASSIGN_OR_RETURN(const auto bytes,
                             metadata.GetInts("tokenizer.ggml.precompiled_charsmap"));
    AUTOGLM_ASSIGN_OR_RETURN(charsmap_, CharsMap::Create(bytes));
  }
  strips_first_space_ = adds_space_;
  if (metadata.Has(kNormalizerKey)) {
    AUTOGLM_ASSIGN_OR_RETURN(const auto steps, metadata.GetStrings(kNormalizerKey));
    AUTOGLM_ASSIGN_OR_RETURN(normalizer_, TextNormalizer::Create(steps));
  }
  LoadCharSymbols();
  if (metadata.Has("tokenizer.ggml.merges")) {
    AUTOGLM_ASSIGN_OR_RETURN(const auto merges, metadata.GetStrings("tokenizer.ggml.merges"));
    AUTOGLM_RETURN_IF_ERROR(LoadMergesFromList(merges));
  } else {
    AUTOGLM_RETURN_IF_ERROR(LoadMergesFromScores());
  }
  return LoadBytes(metadata);
}

// What each token stands for, and which token stands for each byte.
Status SpmTokenizer::LoadBytes(const Metadata& metadata) {
  std::vector<std::string> bytes(vocab_.size());
  byte_token_.fill(-1);
  for (int32_t id = 0; id < vocab_.size(); ++id) {
    const std::string_view spelling = vocab_.tokens()[id];
    if (vocab_.type(id) == TokenType::kByte) {
      int value = -1;  // <0xHH>
      if (spelling.size() == 6 && spelling.starts_with("<0x") && spelling[5] == '>') {
        const auto end = spelling.data() + 5;
        if (std::from_chars(spelling.data() + 3, end, value, 16).ptr != end) value = -1;
      }
      if (value < 0) {
        return Error(StatusCode::kDataLoss, "token ", id, " is a byte token, but is spelled '",
                     Quoted(spelling), "'; expected <0xHH>");
      }
      bytes[id] = static_cast<char>(value);
      byte_token_[value] = id;
      continue;
    }
    for (size_t at = 0; at < spelling.size();) {
      const size_t next = spelling.find(kSpace, at);
      bytes[id].append(spelling.substr(at, next - at));
      if (next == std::string_view::npos) break;
      bytes[id].push_back(' ');
      at = next + kSpace.size();
    }
  }
  return Init(metadata, /*default_bos=*/true, std::move(bytes));
}

void SpmTokenizer::LoadCharSymbols() {
  ascii_symbol_.fill(-1);
  splits_at_spaces_ = true;
  for (int32_t id = 0; id < vocab_.size(); ++id) {
    if (!Merges(id)) continue;
    const std::string_view token = vocab_.tokens()[id];
    bool seen_other = false;
    for (std::string_view rest = token; !rest.empty();) {
      const Utf8Char c = DecodeUtf8(rest);
      const std::string_view spelled = rest.substr(0, c.n_bytes);
      rest.remove_prefix(c.n_bytes);
      if (spelled == kSpace && seen_other) splits_at_spaces_ = false;
      seen_other |= spelled != kSpace;
      if (!c.valid || char_symbol_.contains(c.code_point)) continue;
      int32_t symbol = vocab_.Find(spelled);
      if (symbol < 0 || !Merges(symbol)) {
        symbol = vocab_.size() + static_cast<int32_t>(unknown_chars_.size());
        unknown_chars_.emplace_back(spelled);
      }
      char_symbol_.emplace(c.code_point, symbol);
      if (c.code_point < 128) ascii_symbol_[c.code_point] = symbol;
    }
  }
}

// The symbol of one part of a token: a token itself, or a character without one; else -1.
int32_t SpmTokenizer::SymbolOf(std::string_view part) const {
  const int32_t id = vocab_.Find(part);
  if (id >= 0 && Merges(id)) return id;
  const Utf8Char c = DecodeUtf8(part);
  if (!c.valid || static_cast<size_t>(c.n_bytes) != part.size()) return -1;
  const auto it = char_symbol_.find(c.code_point);
  return it == char_symbol_.end() ? -1 : it->second;
}

// Every way to put a token together from two symbols, ranked by the token's score.
Status SpmTokenizer::LoadMergesFromScores() {
  if (vocab_.scores().empty()) {
    return Error(StatusCode::kDataLoss,
                 "tokenizer.ggml.scores is missing: the merges of a "
                 "SentencePiece vocabulary follow from it");
  }
  std::vector<double> scores;
  for (int32_t id = 0; id < vocab_.size(); ++id) {
    if (Merges(id)) scores.push_back(-vocab_.scores()[id]);
  }
  std::sort(scores.begin(), scores.end());
  scores.erase(std::unique(scores.begin(), scores.end()), scores.end());
  struct Entry {
    int32_t left, right, merged;
  };
  std::vector<Entry> entries;
  for (int32_t id = 0; id < vocab_.size(); ++id) {
    if (!Merges(id)) continue;
    const std::string_view token = vocab_.tokens()[id];
    for (size_t at = 1; at < token.size(); ++at) {
      if ((static_cast<uint8_t>(token[at]) & 0xC0) == 0x80) continue;
      const int32_t left = SymbolOf(token.substr(0, at));
      if (left < 0) continue;
      const int32_t right = SymbolOf(token.substr(at));
      if (right >= 0) entries.push_back({left, right, id});
    }
  }
  merges_ = BpeMerges(entries.size());
  for (const Entry& e : entries) {
    const auto it = std::lower_bound(scores.begin(), scores.end(), -vocab_.scores()[e.merged]);
    merges_.Add(e.left, e.right, static_cast<uint32_t>(it - scores.begin()), e.merged);
  }
  return OkStatus();
}

Status SpmTokenizer::LoadMergesFromList(std::span<const std::string_view> merges) {
  merges_ = BpeMerges(merges.size());
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view line = merges[rank];
    const size_t space = line.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == line.size()) {
      return Error(StatusCode::kDataLoss, "tokenizer.ggml.merges[", rank, "] is '", Quoted(line),
                   "', expected two tokens with a space between them");
    }
    const std::string_view left = line.substr(0, space), right = line.substr(space + 1);
    const int32_t merged = vocab_.Find(StrCat(left, right));
    const int32_t left_id = SymbolOf(left), right_id = SymbolOf(right);
    // A merge of what is no token can never apply; files that were cut down have such.
    if (std::min({merged, left_id, right_id}) < 0) continue;
    merges_.Add(left_id, right_id, static_cast<uint32_t>(rank), merged);
  }
  return OkStatus();
}

void SpmTokenizer::EncodeSegments(std::span<const Segment> segments,
                                  std::vector<int32_t>* out) const {
  std::string escaped;
  std::vector<int32_t> symbols;
  bool is_first = true;
  for (const Segment& segment : segments) {
    if (segment.id >= 0) {
      out->push_back(segment.id);
      is_first = false;
      continue;
    }
    Escape(segment.text, is_first, &escaped);
    is_first = false;
    EncodeText(escaped, &symbols, out);
  }
}

// `text` with its spaces as U+2581, and one in front where the vocabulary wants it.
void SpmTokenizer::Escape(std::string_view text, bool is_first, std::string* escaped) const {
  escaped->clear();
  std::string mapped;
  if (!charsmap_.empty()) text = mapped = charsmap_.Apply(text);
  if (trims_spaces_) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
  }
  if (text.empty()) return;
  const bool has_space = text.starts_with(' ') || text.starts_with(kSpace);
  if (adds_space_ && (is_first || !space_first_only_) && !(space_unless_space_ && has_space)) {
    *escaped = kSpace;
  }
  bool after_space = false;
  for (const char c : text) {
    const bool is_space = c == ' ';
    if (is_space && after_space && trims_spaces_) continue;
    is_space ? escaped->append(kSpace) : escaped->append(1, c);
    after_space = is_space;
  }
}

void SpmTokenizer::EncodeText(std::string_view escaped, std::vector<int32_t>* symbols,
                              std::vector<int32_t>* out) const {
  if (!splits_at_spaces_) return EncodeWord(escaped, symbols, out);
  // Nothing merges across the border between a word and the spaces in front of the next.
  size_t begin = 0;
  while (begin < escaped.size()) {
    size_t end = begin;
    while (escaped.substr(end).starts_with(kSpace)) end += kSpace.size();
    end = std::min(escaped.find(kSpace, end), escaped.size());
    EncodeWord(escaped.substr(begin, end - begin), symbols, out);
    begin = end;
  }
}

void SpmTokenizer::EncodeWord(std::string_view word, std::vector<int32_t>* symbols,
                              std::vector<int32_t>* out) const {
  // Characters that occur in no token merge with nothing: they divide the word.
  symbols->clear();
  const auto flush = [&] {
    merges_.Apply(symbols);
    for (const int32_t symbol : *symbols) {
      if (symbol < vocab_.size()) {
        out->push_back(symbol);
      } else {
        AppendUnknown(unknown_chars_[symbol - vocab_.size()], out);
      }
    }
    symbols->clear();
  };
  while (!word.empty()) {
    const Utf8Char c = DecodeUtf8(word);
    int32_t symbol = -1;
    if (c.code_point < 128) {
      symbol = ascii_symbol_[c.code_point];
    } else if (c.valid) {
      const auto it = char_symbol_.find(c.code_point);
      if (it != char_symbol_.end()) symbol = it->second;
    }
    if (symbol >= 0) {
      symbols->push_back(symbol);
    } else {
      flush();
      AppendUnknown(word.substr(0, c.n_bytes), out);
    }
    word.remove_prefix(c.n_bytes);
  }
  flush();
}

// The character's byte tokens; where one is missing, an unknown token for the whole stretch.
void SpmTokenizer::AppendUnknown(std::string_view bytes, std::vector<int32_t>* out) const {
  const size_t n_before = out->size();
  for (const char byte : bytes) {
    const int32_t id = byte_token_[static_cast<uint8_t>(byte)];
    if (id >= 0) {
      out->push_back(id);
      continue;
    }
    out->resize(n_before);
    const bool repeats = !out->empty() && out->back() == vocab_.unk_id;
    if (vocab_.unk_id >= 0 && !repeats) out->push_back(vocab_.unk_id);
    return;
  }
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> CreateSpmTokenizer(const Metadata& metadata) {
  AUTOGLM_ASSIGN_OR_RETURN(Vocabulary vocab, Vocabulary::Read(metadata));
  auto tokenizer = std::make_unique<SpmTokenizer>(std::move(vocab));
  AUTOGLM_RETURN_IF_ERROR(tokenizer->Load(metadata));
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

}  // namespace autoglm

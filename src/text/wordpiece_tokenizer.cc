// WordPiece (BERT): tokenizer.ggml.model "bert". Words are split greedily, the longest token first.
// In GGUF a token at a word's start is spelled with U+2581 in front, one within a word without.
#include <algorithm>
#include <memory>
#include <utility>

#include "base/utf8.h"
#include "formats/hf_tokenizer_keys.h"
#include "text/normalize.h"
#include "text/unicode.h"
#include "text/vocab_tokenizer.h"

namespace autoglm {

namespace {

constexpr std::string_view kWordStart = "\xE2\x96\x81";  // U+2581
constexpr size_t kMaxWordChars = 100;                    // longer ones are unknown, as in BERT

bool IsIdeograph(char32_t c) {
  static constexpr CodePointRange kRanges[] = {
      {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},   {0x20000, 0x2A6DF},
      {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F}};
  return std::any_of(std::begin(kRanges), std::end(kRanges), [c](const CodePointRange& range) {
    return c >= range.first && c <= range.last;
  });
}

bool IsPunctuation(char32_t c) {
  if (c < 128)
    return c > ' ' && c < 127 && !(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'z');
  static const CategoryMask kPunctuation = CategoriesNamed("P");
  return HasCategory(c, kPunctuation);
}

bool IsDropped(char32_t c) {
  static const CategoryMask kOther = CategoriesNamed("C");
  if (c < 128) return c < ' ' || c == 127;
  return c == kReplacementChar || HasCategory(c, kOther);
}

// Without control characters, every white space a plain one, ideographs set apart.
std::string CleanText(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const Utf8Char c = DecodeUtf8(text);
    if (IsWhiteSpace(c.code_point)) {
      out.push_back(' ');
    } else if (c.valid && IsIdeograph(c.code_point)) {
      out.append(" ").append(text.substr(0, c.n_bytes)).append(" ");
    } else if (c.valid && !IsDropped(c.code_point)) {
      out.append(text.substr(0, c.n_bytes));
    }
    text.remove_prefix(c.n_bytes);
  }
  return out;
}

class WordPieceTokenizer final : public VocabTokenizer {
 public:
  explicit WordPieceTokenizer(Vocabulary vocab) : VocabTokenizer(std::move(vocab)) {}

  Status Load(const Metadata& metadata);

 protected:
  void EncodeSegments(std::span<const Segment> segments, std::vector<int32_t>* out) const override;

 private:
  void EncodeWord(std::string_view word, std::vector<int32_t>* out) const;

  bool lowercase_ = true, strip_accents_ = true;
  size_t longest_token_ = 0;  ///< in bytes
};

Status WordPieceTokenizer::Load(const Metadata& metadata) {
  AUTOGLM_ASSIGN_OR_RETURN(lowercase_, metadata.GetBool(kLowercaseKey, true));
  AUTOGLM_ASSIGN_OR_RETURN(strip_accents_, metadata.GetBool(kStripAccentsKey, lowercase_));
  strips_first_space_ = true;
  std::vector<std::string> bytes(vocab_.size());
  for (int32_t id = 0; id < vocab_.size(); ++id) {
    std::string_view spelling = vocab_.tokens()[id];
    longest_token_ = std::max(longest_token_, spelling.size());
    if (spelling.starts_with(kWordStart)) {
      bytes[id] = " ";
      spelling.remove_prefix(kWordStart.size());
    }
    bytes[id].append(spelling);
  }
  const auto or_named = [this](int32_t id, std::string_view name) {
    return id >= 0 ? id : vocab_.Find(name);
  };
  vocab_.unk_id = or_named(vocab_.unk_id, "[UNK]");
  vocab_.cls_id = or_named(vocab_.cls_id, "[CLS]");
  vocab_.sep_id = or_named(vocab_.sep_id, "[SEP]");
  if (vocab_.bos_id < 0) vocab_.bos_id = vocab_.cls_id;
  AUTOGLM_RETURN_IF_ERROR(Init(metadata, /*default_bos=*/true, std::move(bytes)));
  if (vocab_.unk_id < 0) {
    return Error(StatusCode::kDataLoss,
                 "a WordPiece vocabulary needs an unknown token "
                 "(tokenizer.ggml.unknown_token_id or [UNK])");
  }
  if (suffix_ids_.empty() && !metadata.Has(kSuffixIdsKey) && vocab_.sep_id >= 0) {
    suffix_ids_ = {vocab_.sep_id};
  }
  return OkStatus();
}

void WordPieceTokenizer::EncodeSegments(std::span<const Segment> segments,
                                        std::vector<int32_t>* out) const {
  for (const Segment& segment : segments) {
    if (segment.id >= 0) {
      out->push_back(segment.id);
      continue;
    }
    std::string text = CleanText(segment.text);
    if (strip_accents_) text = StripAccents(Normalize(text, NormalForm::kNfd));
    if (lowercase_) text = Lowercase(text);
    size_t word = 0;  // where the current one begins
    for (size_t at = 0; at < text.size();) {
      const Utf8Char c = DecodeUtf8(std::string_view(text).substr(at));
      const bool is_space = IsWhiteSpace(c.code_point);
      const size_t next = at + c.n_bytes;
      if (is_space || IsPunctuation(c.code_point)) {
        EncodeWord(std::string_view(text).substr(word, at - word), out);
        if (!is_space) EncodeWord(std::string_view(text).substr(at, next - at), out);
        word = next;
      }
      at = next;
    }
    EncodeWord(std::string_view(text).substr(word), out);
  }
}

void WordPieceTokenizer::EncodeWord(std::string_view word, std::vector<int32_t>* out) const {
  if (word.empty()) return;
  const auto is_start = [](char byte) { return (static_cast<uint8_t>(byte) & 0xC0) != 0x80; };
  const size_t n_before = out->size();
  const auto unknown = [&] {
    out->resize(n_before);
    out->push_back(vocab_.unk_id);
  };
  if (static_cast<size_t>(std::count_if(word.begin(), word.end(), is_start)) > kMaxWordChars) {
    return unknown();
  }
  const std::string spelled = StrCat(kWordStart, word);
  for (size_t begin = 0; begin < spelled.size();) {
    // The first token holds more than the mark of the word's start.
    const size_t least = begin == 0 ? kWordStart.size() + 1 : begin + 1;
    size_t end = std::min(spelled.size(), begin + longest_token_);
    int32_t id = -1;
    for (; end >= least; --end) {
      if (end < spelled.size() && !is_start(spelled[end])) continue;
      id = vocab_.Find(std::string_view(spelled).substr(begin, end - begin));
      if (id >= 0 && vocab_.type(id) == TokenType::kNormal) break;
      id = -1;
    }
    if (id < 0) return unknown();
    out->push_back(id);
    begin = end;
  }
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> CreateWordPieceTokenizer(const Metadata& metadata) {
  AUTOGLM_ASSIGN_OR_RETURN(Vocabulary vocab, Vocabulary::Read(metadata));
  auto tokenizer = std::make_unique<WordPieceTokenizer>(std::move(vocab));
  AUTOGLM_RETURN_IF_ERROR(tokenizer->Load(metadata));
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

}  // namespace autoglm

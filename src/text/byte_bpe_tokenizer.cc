// Byte-level BPE (GPT-2 and its heirs): tokenizer.ggml.model "gpt2". The text is split by regular
// expressions, and the bytes of each piece are merged in the order of tokenizer.ggml.merges.
#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <utility>

#include "formats/byte_alphabet.h"
#include "formats/hf_tokenizer_keys.h"
#include "formats/hf_tokenizer_pre.h"
#include "text/bpe_merges.h"
#include "text/pre_tokenizer.h"
#include "text/vocab_tokenizer.h"

namespace autoglm {

namespace {

class ByteBpeTokenizer final : public VocabTokenizer {
 public:
  explicit ByteBpeTokenizer(Vocabulary vocab) : VocabTokenizer(std::move(vocab)) {}

  Status Load(const Metadata& metadata);

 protected:
  void EncodeSegments(std::span<const Segment> segments, std::vector<int32_t>* out) const override;

 private:
  // Whether merging the bytes of a token ends in that token; found out at the first use.
  enum Wholeness : uint8_t { kUnknown, kWhole, kNotWhole };

  Status LoadPreTokenizer(const Metadata& metadata, bool* default_bos);
  Status LoadMerges(const Metadata& metadata);
  void LoadByteSymbols();
  void EncodePiece(std::string_view piece, std::vector<int32_t>* symbols,
                   std::vector<int32_t>* out) const;
  void Merge(std::string_view piece, std::vector<int32_t>* symbols) const;
  bool IsWhole(int32_t id, std::string_view piece, std::vector<int32_t>* symbols) const;

  PreTokenizer pre_;
  BpeMerges merges_;
  bool ignore_merges_ = false;
  bool adds_space_ = false;
  std::array<int32_t, 256> byte_symbol_{};  ///< -1: the vocabulary lacks that byte
  std::vector<std::string_view> pieces_;    ///< the bytes of each normal token, by id
  PieceIndex piece_index_;
  std::unique_ptr<std::atomic<uint8_t>[]> wholeness_;
};

Status ByteBpeTokenizer::Load(const Metadata& metadata) {
  bool default_bos = false;
  AUTOGLM_RETURN_IF_ERROR(LoadPreTokenizer(metadata, &default_bos));
  AUTOGLM_RETURN_IF_ERROR(LoadMerges(metadata));
  AUTOGLM_ASSIGN_OR_RETURN(adds_space_, metadata.GetBool("tokenizer.ggml.add_space_prefix", false));
  strips_first_space_ = adds_space_;
  std::vector<std::string> bytes(vocab_.size());
  for (int32_t id = 0; id < vocab_.size(); ++id) {
    const std::string_view spelling = vocab_.tokens()[id];
    if (!FromByteAlphabet(spelling, &bytes[id])) bytes[id] = spelling;
  }
  AUTOGLM_RETURN_IF_ERROR(Init(metadata, default_bos, std::move(bytes)));
  pieces_.resize(vocab_.size());
  piece_index_ = PieceIndex(vocab_.size());
  for (int32_t id = 0; id < vocab_.size(); ++id) {
    if (vocab_.type(id) != TokenType::kNormal) continue;
    pieces_[id] = TokenBytes(id);
    if (!pieces_[id].empty()) piece_index_.Add(pieces_, id);
  }
  LoadByteSymbols();
  wholeness_ = std::make_unique<std::atomic<uint8_t>[]>(vocab_.size());
  return OkStatus();
}

Status ByteBpeTokenizer::LoadPreTokenizer(const Metadata& metadata, bool* default_bos) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::string_view name,
                           metadata.GetString("tokenizer.ggml.pre", "default"));
  const PreTokenizerRow* row = FindPreTokenizer(name);
  const bool has_regexes = metadata.Has(kPreRegexKey);
  if (!row && !has_regexes) {
    std::vector<std::string_view> names;
    for (const PreTokenizerRow& known : PreTokenizers()) names.push_back(known.name);
    const std::string_view nearest = Nearest(name, names);
    return Error(StatusCode::kUnimplemented, "the pre-tokenizer '", Quoted(name),
                 "' (tokenizer.ggml.pre) is not known",
                 nearest.empty() ? "" : StrCat("; the nearest known is '", nearest, "'"));
  }
  std::span<const std::string_view> regexes;
  if (has_regexes) {
    AUTOGLM_ASSIGN_OR_RETURN(regexes, metadata.GetStrings(kPreRegexKey));
  } else {
    regexes = row->regexes;
  }
  AUTOGLM_ASSIGN_OR_RETURN(pre_, PreTokenizer::Create(regexes));
  *default_bos = row && row->adds_bos;
  AUTOGLM_ASSIGN_OR_RETURN(ignore_merges_,
                           metadata.GetBool(kIgnoreMergesKey, row && row->ignore_merges));
  static constexpr std::string_view kNfc[] = {"nfc"};
  std::span<const std::string_view> steps;
  if (metadata.Has(kNormalizerKey)) {
    AUTOGLM_ASSIGN_OR_RETURN(steps, metadata.GetStrings(kNormalizerKey));
  } else if (row && row->nfc) {
    steps = kNfc;
  }
  AUTOGLM_ASSIGN_OR_RETURN(normalizer_, TextNormalizer::Create(steps));
  return OkStatus();
}

Status ByteBpeTokenizer::LoadMerges(const Metadata& metadata) {
  if (!metadata.Has("tokenizer.ggml.merges")) {
    return Error(StatusCode::kDataLoss,
                 "tokenizer.ggml.merges is missing: byte-level BPE needs it");
  }
  AUTOGLM_ASSIGN_OR_RETURN(const std::span<const std::string_view> merges,
                           metadata.GetStrings("tokenizer.ggml.merges"));
  merges_ = BpeMerges(merges.size());
  std::string joined;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view line = merges[rank];
    const size_t space = line.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == line.size()) {
      return Error(StatusCode::kDataLoss, "tokenizer.ggml.merges[", rank, "] is '", Quoted(line),
                   "', expected two tokens with a space between them");
    }
    const std::string_view left = line.substr(0, space), right = line.substr(space + 1);
    joined.assign(left).append(right);
    const int32_t ids[] = {vocab_.Find(left), vocab_.Find(right), vocab_.Find(joined)};
    // A merge of what is no token can never apply; files that were cut down have such.
    if (std::min({ids[0], ids[1], ids[2]}) < 0) continue;
    merges_.Add(ids[0], ids[1], static_cast<uint32_t>(rank), ids[2]);
  }
  return OkStatus();
}

void ByteBpeTokenizer::LoadByteSymbols() {
  for (int b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(b);
    byte_symbol_[b] = piece_index_.Find(pieces_, std::string_view(&byte, 1));
    if (byte_symbol_[b] < 0) byte_symbol_[b] = vocab_.unk_id;
  }
}

void ByteBpeTokenizer::Merge(std::string_view piece, std::vector<int32_t>* symbols) const {
  symbols->clear();
  for (const char byte : piece) {
    const int32_t id = byte_symbol_[static_cast<uint8_t>(byte)];
    if (id >= 0) symbols->push_back(id);
  }
  merges_.Apply(symbols);
}

bool ByteBpeTokenizer::IsWhole(int32_t id, std::string_view piece,
                               std::vector<int32_t>* symbols) const {
  // Relaxed: every thread that finds it out finds the same.
  uint8_t known = wholeness_[id].load(std::memory_order_relaxed);
  if (known == kUnknown) {
    Merge(piece, symbols);
    known = symbols->size() == 1 && (*symbols)[0] == id ? kWhole : kNotWhole;
    wholeness_[id].store(known, std::memory_order_relaxed);
  }
  return known == kWhole;
}

void ByteBpeTokenizer::EncodePiece(std::string_view piece, std::vector<int32_t>* symbols,
                                   std::vector<int32_t>* out) const {
  const int32_t id = piece_index_.Find(pieces_, piece);
  if (id >= 0 && (ignore_merges_ || IsWhole(id, piece, symbols))) {
    out->push_back(id);
    return;
  }
  Merge(piece, symbols);
  out->insert(out->end(), symbols->begin(), symbols->end());
}

void ByteBpeTokenizer::EncodeSegments(std::span<const Segment> segments,
                                      std::vector<int32_t>* out) const {
  PieceSplitter splitter(pre_);
  std::vector<int32_t> symbols;
  std::string with_space;
  for (const Segment& segment : segments) {
    if (segment.id >= 0) {
      out->push_back(segment.id);
      continue;
    }
    std::string_view text = segment.text;
    if (adds_space_ && !text.starts_with(' ')) {
      with_space.assign(" ").append(text);
      text = with_space;
    }
    splitter.Split(text, [&](std::string_view piece) { EncodePiece(piece, &symbols, out); });
  }
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> CreateByteBpeTokenizer(const Metadata& metadata) {
  AUTOGLM_ASSIGN_OR_RETURN(Vocabulary vocab, Vocabulary::Read(metadata));
  auto tokenizer = std::make_unique<ByteBpeTokenizer>(std::move(vocab));
  AUTOGLM_RETURN_IF_ERROR(tokenizer->Load(metadata));
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

}  // namespace autoglm

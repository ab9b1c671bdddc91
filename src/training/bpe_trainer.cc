#include "training/bpe_trainer.h"

#include <algorithm>
#include <queue>

#include "base/utf8.h"
#include "formats/hf_tokenizer_pre.h"
#include "text/unicode.h"

namespace autoglm {

namespace {

enum class UnitClass { kLetter, kSingle, kSpace, kOther };

/// Of a script that is written without spaces: Han, Hiragana, Katakana.
bool IsUnspaced(char32_t c) {
  if (c >= 0x3040 && c <= 0x30FF) return true;
  const auto han = ScriptRanges("Han");
  const auto* range =
      std::upper_bound(han.data(), han.data() + han.size(), c,
                       [](char32_t value, const CodePointRange& r) { return value < r.first; });
  return range != han.data() && c <= (range - 1)->last;
}

UnitClass ClassOf(char32_t c) {
  static const CategoryMask letters = CategoriesNamed("L") | CategoriesNamed("M");
  static const CategoryMask numbers = CategoriesNamed("N");
  if (IsWhiteSpace(c)) return UnitClass::kSpace;
  if (HasCategory(c, numbers)) return UnitClass::kSingle;
  if (!HasCategory(c, letters)) return UnitClass::kOther;
  return IsUnspaced(c) ? UnitClass::kSingle : UnitClass::kLetter;
}

/// Merging: words as lists of symbols, the pairs in them with their counts, and a heap of pairs
/// whose entries may be out of date.
class Merger {
 public:
  explicit Merger(const std::unordered_map<std::string, int64_t>& counts) {
    for (const auto& [text, count] : counts) words_.push_back({text, {}, count});
    // The order of a hash map is not ours to rely on.
    std::sort(words_.begin(), words_.end(),
              [](const Word& a, const Word& b) { return a.text < b.text; });
    for (size_t i = 0; i < words_.size(); ++i) {
      Word& word = words_[i];
      word.symbols.reserve(word.text.size());
      for (const char c : word.text) word.symbols.push_back(static_cast<uint8_t>(c));
      for (size_t k = 0; k + 1 < word.symbols.size(); ++k) {
        AddPair(KeyOf(word.symbols[k], word.symbols[k + 1]), word.count, i);
      }
    }
    for (const auto& [key, pair] : pairs_) heap_.push({pair.count, key});
  }

  /// The most frequent pair, the one of least ids among equals; none below `min_count`.
  bool Next(int64_t min_count, std::pair<int32_t, int32_t>* merge) {
    while (!heap_.empty()) {
      const Entry top = heap_.top();
      heap_.pop();
      const int64_t count = pairs_[top.key].count;
      if (count != top.count) {
        if (count > 0) heap_.push({count, top.key});
        continue;
      }
      if (count < min_count) return false;
      *merge = {static_cast<int32_t>(top.key >> 32), static_cast<int32_t>(top.key)};
      return true;
    }
    return false;
  }

  /// Replaces the pair by symbol `id` in every word.
  void Apply(std::pair<int32_t, int32_t> merge, int32_t id) {
    const uint64_t key = KeyOf(merge.first, merge.second);
    std::vector<uint32_t> where = std::move(pairs_[key].words);
    std::sort(where.begin(), where.end());
    where.erase(std::unique(where.begin(), where.end()), where.end());
    std::vector<uint64_t> grown;
    for (const uint32_t i : where) ApplyTo(i, merge, id, &grown);
    pairs_.erase(key);
    std::sort(grown.begin(), grown.end());
    grown.erase(std::unique(grown.begin(), grown.end()), grown.end());
    for (const uint64_t pair : grown) heap_.push({pairs_[pair].count, pair});
  }

 private:
  struct Word {
    std::string text;
    std::vector<int32_t> symbols;
    int64_t count;
  };
  struct Pair {
    int64_t count = 0;
    std::vector<uint32_t> words;  ///< that hold or held it, with repetitions
  };
  struct Entry {
    int64_t count;
    uint64_t key;
    bool operator<(const Entry& other) const {
      return count != other.count ? count < other.count : key > other.key;
    }
  };

  static uint64_t KeyOf(int32_t left, int32_t right) {
    return static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
  }

  void AddPair(uint64_t key, int64_t count, size_t word) {
    Pair& pair = pairs_[key];
    pair.count += count;
    if (pair.words.empty() || pair.words.back() != word) {
      pair.words.push_back(static_cast<uint32_t>(word));
    }
  }

  void ApplyTo(uint32_t i, std::pair<int32_t, int32_t> merge, int32_t id,
               std::vector<uint64_t>* grown) {
    Word& word = words_[i];
    std::vector<int32_t>& s = word.symbols;
    const auto change = [&](size_t left, int64_t sign) {
      const uint64_t key = KeyOf(s[left], s[left + 1]);
      if (sign < 0) {
        pairs_[key].count -= word.count;
      } else {
        AddPair(key, word.count, i);
        grown->push_back(key);
      }
    };
    for (size_t k = 0; k + 1 < s.size(); ++k) {
      if (s[k] != merge.first || s[k + 1] != merge.second) continue;
      if (k > 0) change(k - 1, -1);
      if (k + 2 < s.size()) change(k + 1, -1);
      s[k] = id;
      s.erase(s.begin() + static_cast<int64_t>(k) + 1);
      if (k > 0) change(k - 1, +1);
      if (k + 1 < s.size()) change(k, +1);
    }
  }

  std::vector<Word> words_;
  std::unordered_map<uint64_t, Pair> pairs_;
  std::priority_queue<Entry> heap_;
};

}  // namespace

Result<BpeTrainer> BpeTrainer::Create(std::string_view pre, bool classes_apart) {
  const PreTokenizerRow* row = FindPreTokenizer(pre);
  if (row == nullptr) {
    return Error(StatusCode::kInvalidArgument, "there is no pre-tokenizer '", Quoted(pre), "'");
  }
  AUTOGLM_ASSIGN_OR_RETURN(PreTokenizer splitter, PreTokenizer::Create(row->regexes));
  return BpeTrainer(std::move(splitter), classes_apart);
}

Status BpeTrainer::Add(std::string_view text) {
  if (!IsValidUtf8(text)) {
    return Error(StatusCode::kInvalidArgument, "the text is not valid UTF-8");
  }
  PieceSplitter splitter(pre_);
  splitter.Split(text, [&](std::string_view piece) {
    if (classes_apart_) {
      CountByClass(piece);
    } else {
      Count(piece);
    }
  });
  return OkStatus();
}

void BpeTrainer::Count(std::string_view unit) { ++counts_[std::string(unit)]; }

void BpeTrainer::CountByClass(std::string_view piece) {
  size_t begin = 0;
  for (size_t at = 0; at < piece.size();) {
    const Utf8Char c = DecodeUtf8(piece.substr(at));
    const UnitClass kind = ClassOf(c.code_point);
    at += static_cast<size_t>(c.n_bytes);
    const bool ends = at == piece.size() || kind == UnitClass::kSingle ||
                      ClassOf(DecodeUtf8(piece.substr(at)).code_point) != kind;
    if (!ends) continue;
    Count(piece.substr(begin, at - begin));
    begin = at;
  }
}

Result<BpeVocabulary> BpeTrainer::Train(const BpeOptions& options) const {
  if (counts_.empty()) {
    return Error(StatusCode::kInvalidArgument, "there is no text to learn a vocabulary from");
  }
  if (options.vocab_size < 256) {
    return Error(StatusCode::kInvalidArgument, "a vocabulary of ", options.vocab_size,
                 " tokens does not hold the 256 bytes");
  }
  BpeVocabulary vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary.tokens.emplace_back(1, static_cast<char>(byte));
  }
  Merger merger(counts_);
  std::pair<int32_t, int32_t> merge;
  // Two pairs may spell the same token ("a" + "bc", "ab" + "c"): it is one id, with two merges.
  std::unordered_map<std::string, int32_t> id_of;
  while (static_cast<int>(vocabulary.tokens.size()) < options.vocab_size &&
         merger.Next(options.min_count, &merge)) {
    std::string text = vocabulary.tokens[merge.first] + vocabulary.tokens[merge.second];
    const auto [found, is_new] =
        id_of.emplace(text, static_cast<int32_t>(vocabulary.tokens.size()));
    if (is_new) vocabulary.tokens.push_back(std::move(text));
    merger.Apply(merge, found->second);
    vocabulary.merges.push_back(merge);
  }
  return vocabulary;
}

}  // namespace autoglm

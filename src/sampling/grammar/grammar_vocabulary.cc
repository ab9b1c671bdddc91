#include "sampling/grammar/grammar_vocabulary.h"

#include <utility>

#include "sampling/grammar/automaton.h"

namespace autoglm {

GrammarVocabulary::GrammarVocabulary(int32_t vocab_size,
                                     const std::function<GrammarToken(int32_t)>& token)
    : plain_(vocab_size) {
  using Kind = GrammarToken::Kind;
  kinds_.reserve(vocab_size);
  path_end_.reserve(vocab_size);
  for (int32_t id = 0; id < vocab_size; ++id) {
    GrammarToken t = token(id);
    if (t.kind == Kind::kText && t.bytes.empty()) t.kind = Kind::kNever;
    kinds_.push_back(t.kind);
    if (t.kind == Kind::kEnd) end_tokens_.push_back(id);
    if (t.kind == Kind::kControl) control_ids_.emplace(t.bytes, id);
    // No valid text has this byte: such a token can only be part of free text, like a control
    // token.
    const bool is_no_text =
        t.kind == Kind::kText && t.bytes.find(static_cast<char>(kControlTokenByte)) != t.bytes.npos;
    if (t.kind == Kind::kControl || is_no_text) {
      paths_ += ControlTokenPath(id);
    } else if (t.kind == Kind::kText) {
      paths_ += t.bytes;
    }
    path_end_.push_back(static_cast<uint32_t>(paths_.size()));
  }
  std::vector<std::pair<std::string_view, int32_t>> plain, others, long_ones;
  for (int32_t id = 0; id < vocab_size; ++id) {
    if (path(id).empty()) continue;
    const int n_chars = PlainTokens::CountChars(path(id));
    const bool is_long = path(id).size() > Automaton::kSimilarBytes;
    if (n_chars > 0) plain_.Add(id, n_chars);
    (n_chars > 0 ? plain : is_long ? long_ones : others).emplace_back(path(id), id);
  }
  plain_trie_ = TokenTrie(std::move(plain));
  trie_ = TokenTrie(std::move(others));
  long_trie_ = TokenTrie(std::move(long_ones));
}

std::string_view GrammarVocabulary::path(int32_t id) const {
  const uint32_t begin = id == 0 ? 0 : path_end_[id - 1];
  return std::string_view(paths_).substr(begin, path_end_[id] - begin);
}

int32_t GrammarVocabulary::FindControl(std::string_view name) const {
  const auto it = control_ids_.find(std::string(name));
  return it == control_ids_.end() ? -1 : it->second;
}

}  // namespace autoglm

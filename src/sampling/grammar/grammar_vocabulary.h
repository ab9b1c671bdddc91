// GrammarVocabulary: the bytes of every token, arranged for grammars. Made once for a tokenizer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sampling/grammar/plain_tokens.h"
#include "sampling/grammar/token_trie.h"

namespace autoglm {

/// What a token is to a grammar.
struct GrammarToken {
  enum class Kind : uint8_t {
    kText,     ///< stands for `bytes`, which may end inside a character
    kControl,  ///< of the name `bytes`; permitted only where a grammar asks for it, and in free
               ///< text
    kEnd,      ///< ends an answer
    kNever,    ///< never permitted
  };
  Kind kind = Kind::kNever;
  std::string_view bytes = {};
};

/// Immutable; threads may share it.
class GrammarVocabulary {
 public:
  /// `token(id)` for every id in [0, vocab_size) is asked once; views need to live until this
  /// returns only.
  GrammarVocabulary(int32_t vocab_size, const std::function<GrammarToken(int32_t)>& token);

  int32_t size() const { return static_cast<int32_t>(kinds_.size()); }
  GrammarToken::Kind kind(int32_t id) const { return kinds_[id]; }
  /// What an automaton reads for `id`; empty for kEnd and kNever.
  std::string_view path(int32_t id) const;
  /// Most tokens; also as a trie of their paths.
  const PlainTokens& plain() const { return plain_; }
  const TokenTrie& plain_trie() const { return plain_trie_; }
  /// Of the other paths that are no longer than Automaton::kSimilarBytes.
  const TokenTrie& trie() const { return trie_; }
  /// Of those that are; few, if any.
  const TokenTrie& long_trie() const { return long_trie_; }
  std::span<const int32_t> end_tokens() const { return end_tokens_; }
  /// The control token of this name, or -1.
  int32_t FindControl(std::string_view name) const;

 private:
  std::vector<GrammarToken::Kind> kinds_;
  std::vector<uint32_t> path_end_;
  std::string paths_;
  PlainTokens plain_;
  TokenTrie plain_trie_, trie_, long_trie_;
  std::vector<int32_t> end_tokens_;
  std::unordered_map<std::string, int32_t> control_ids_;
};

}  // namespace autoglm

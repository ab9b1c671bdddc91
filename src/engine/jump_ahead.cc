#include "engine/jump_ahead.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace autoglm {
namespace {

constexpr size_t kMaxForcedBytes = 1024;
constexpr size_t kContextTokens = 4;

bool IsText(const Tokenizer& tokenizer, int32_t id) {
  switch (tokenizer.type(id)) {
    case TokenType::kNormal:
    case TokenType::kUserDefined:
    case TokenType::kByte:
      return !tokenizer.IsEndOfGeneration(id);
    default:
      return false;
  }
}

// The tokens of `text` where it stands behind `before`; empty where no token ends between them.
std::vector<int32_t> EncodeBehind(const Tokenizer& tokenizer, std::string_view before,
                                  std::string_view text) {
  std::vector<int32_t> ids = tokenizer.Encode(StrCat(before, text), {.add_special = false});
  size_t n_bytes = 0;
  for (const int32_t id : ids) n_bytes += tokenizer.TokenBytes(id).size();
  const size_t n_expected = before.size() + text.size();
  if (n_bytes < n_expected || n_bytes > n_expected + 1) return {};  // a space may come in front
  size_t n_skipped = 0;
  auto first = ids.begin();
  for (; first != ids.end() && n_bytes - n_skipped > text.size(); ++first) {
    n_skipped += tokenizer.TokenBytes(*first).size();
  }
  std::string spelled;
  for (auto it = first; it != ids.end(); ++it) {
    if (!IsText(tokenizer, *it)) return {};
    spelled += tokenizer.TokenBytes(*it);
  }
  if (spelled != text) return {};
  ids.erase(ids.begin(), first);
  return ids;
}

// Behind `tokens`, whose last ones say how the text is divided; where the tokenizer would join the
// last of them with the text, behind a line's end.
std::vector<int32_t> Retokenize(const Tokenizer& tokenizer, std::span<const int32_t> tokens,
                                std::string_view text) {
  std::string before;
  for (size_t i = tokens.size() - std::min(tokens.size(), kContextTokens); i < tokens.size(); ++i) {
    if (IsText(tokenizer, tokens[i])) {
      before += tokenizer.TokenBytes(tokens[i]);
    } else {
      before.clear();
    }
  }
  std::vector<int32_t> ids;
  if (!before.empty()) ids = EncodeBehind(tokenizer, before, text);
  return ids.empty() ? EncodeBehind(tokenizer, "\n", text) : ids;
}

}  // namespace

std::shared_ptr<const GrammarVocabulary> MakeGrammarVocabulary(const Tokenizer& tokenizer,
                                                               int32_t vocab_size) {
  using Kind = GrammarToken::Kind;
  return std::make_shared<const GrammarVocabulary>(
      std::min(vocab_size, tokenizer.vocab_size()), [&](int32_t id) -> GrammarToken {
        if (tokenizer.IsEndOfGeneration(id)) return {Kind::kEnd};
        const std::string_view bytes = tokenizer.TokenBytes(id);
        if (IsText(tokenizer, id)) return {Kind::kText, bytes};
        const TokenType type = tokenizer.type(id);
        const bool is_control = type == TokenType::kControl || type == TokenType::kUnknown;
        return {is_control ? Kind::kControl : Kind::kNever, bytes};
      });
}

std::vector<int32_t> ForcedTokens(const GrammarMatcher& start, const Tokenizer& tokenizer,
                                  std::span<const int32_t> tokens, int max_tokens) {
  std::string forced = start.Forced(kMaxForcedBytes);
  if (forced.empty()) return {};
  GrammarMatcher matcher = start;
  const auto control = static_cast<char>(kControlTokenByte);
  if (forced[0] == control) {
    if (forced.size() < 4) return {};
    const auto byte = [&](int i) { return static_cast<int32_t>(static_cast<uint8_t>(forced[i])); };
    return {byte(1) << 16 | byte(2) << 8 | byte(3)};
  }
  forced.resize(std::min(forced.find(control), forced.size()));
  const bool is_cut = forced.size() >= kMaxForcedBytes;
  std::vector<int32_t> ids = Retokenize(tokenizer, tokens, forced);
  std::string_view rest = forced;
  for (size_t i = 0; i < ids.size(); ++i) {
    const size_t n_bytes = tokenizer.TokenBytes(ids[i]).size();
    const bool near_cut = is_cut && rest.size() < kMaxForcedBytes / 2;
    if (static_cast<int>(i) == max_tokens || near_cut || matcher.MayOverrun(rest) ||
        !matcher.Accept(ids[i]).ok()) {
      ids.resize(i);
      break;
    }
    rest.remove_prefix(n_bytes);
  }
  return ids;
}

}  // namespace autoglm

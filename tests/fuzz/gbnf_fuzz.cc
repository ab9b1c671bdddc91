// Any grammar, compiled over a small vocabulary; then the bytes behind its first NUL as a text:
// masks must be what the bytes say.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sampling/grammar/grammar.h"

namespace {

std::shared_ptr<const autoglm::GrammarVocabulary> Vocabulary() {
  static std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  for (const char* longer :
       {"ab", "abc", "\",", "\":", "}}", "\xE4\xBD", "\xA0x", "aaaaaaaa", "  ", "10"}) {
    tokens.emplace_back(longer);
  }
  const auto n = static_cast<int32_t>(tokens.size());
  return std::make_shared<const autoglm::GrammarVocabulary>(
      n + 2, [n](int32_t id) -> autoglm::GrammarToken {
        using Kind = autoglm::GrammarToken::Kind;
        if (id < n) return {Kind::kText, tokens[id]};
        return {id == n ? Kind::kControl : Kind::kEnd, "<c>"};
      });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto vocabulary = Vocabulary();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(input.find('\0'), input.size());
  autoglm::GrammarSpec spec{.gbnf = std::string(input.substr(0, end))};
  if (size % 4 == 1) spec.triggers = {{"<t>"}, {"<c>"}};
  spec.repeat = size % 8 == 1;
  // Less work than in production, so that more grammars are tried.
  const autoglm::GrammarLimits limits = {.max_work = 200'000, .max_stack_bytes = 1u << 20};
  const auto grammar = autoglm::Grammar::Compile(spec, vocabulary, limits);
  if (!grammar.ok()) return 0;
  autoglm::GrammarMatcher matcher(*grammar);
  std::vector<float> logits(vocabulary->size());
  std::string_view text = input.substr(std::min(end + 1, input.size()));
  for (size_t i = 0; i < std::min<size_t>(text.size(), 24); ++i) {
    std::fill(logits.begin(), logits.end(), 1.0f);
    const bool masked = matcher.MaskLogits(logits).ok();
    for (int32_t id = 0; masked && id < vocabulary->size(); ++id) {
      if (matcher.Allows(id) != (logits[id] == 1.0f)) std::abort();
    }
    const std::string forced = matcher.Forced(16);
    if (masked && !forced.empty() && !matcher.Allows(static_cast<uint8_t>(forced[0])) &&
        static_cast<uint8_t>(forced[0]) != autoglm::kControlTokenByte) {
      std::abort();
    }
    if (!matcher.Accept(static_cast<uint8_t>(text[i])).ok()) break;
  }
  return 0;
}

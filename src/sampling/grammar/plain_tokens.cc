#include "sampling/grammar/plain_tokens.h"

#include "base/utf8.h"
#include "sampling/grammar/token_trie.h"

namespace autoglm {
namespace {

constexpr bool IsCommon(uint8_t ascii) {
  return ascii >= ' ' && ascii != 0x7F && ascii != '"' && ascii != '\\' && ascii != '<';
}

}  // namespace

int PlainTokens::CountChars(std::string_view text) {
  const size_t complete = CompleteUtf8Prefix(text);
  if (!IsValidUtf8(text.substr(0, complete))) return 0;
  int n_chars = 0;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x80 && !IsCommon(byte)) return 0;
    n_chars += (byte & 0xC0) != 0x80;
  }
  return n_chars <= kMaxChars ? n_chars : 0;
}

uint64_t PlainTokens::classes() {
  static const uint64_t kClasses = [] {
    uint64_t classes = ByteSummary::Bit(ByteSummary::kBeyondAscii);
    for (uint8_t byte = 0; byte < 0x80; ++byte) {
      if (IsCommon(byte)) classes |= ByteSummary::Bit(ByteSummary::ClassOf(byte));
    }
    return classes;
  }();
  return kClasses;
}

void PlainTokens::Add(int32_t id, int n_chars) {
  for (int n = n_chars; n <= kMaxChars; ++n) up_to_[n].Add(id);
}

}  // namespace autoglm

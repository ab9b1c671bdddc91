// See literal.h.
#include "chat/literal.h"

#include <algorithm>

namespace autoglm {
namespace {

/// No literal has that much white space in it; keeps the time linear in the text.
constexpr size_t kMaxPartialBytes = 4096;

}  // namespace

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

size_t LeadingSpace(std::string_view text) {
  return std::find_if_not(text.begin(), text.end(), IsSpace) - text.begin();
}

std::string_view TrimSpace(std::string_view text) {
  text.remove_prefix(LeadingSpace(text));
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

LiteralMatch MatchLiteral(std::string_view text, std::string_view literal) {
  size_t at = 0;
  size_t n_bytes = 0;
  for (const char wanted : literal) {
    if (IsSpace(wanted)) continue;
    while (at < text.size() && IsSpace(text[at])) ++at;
    if (at == text.size()) {
      const bool may_come = text.size() <= kMaxPartialBytes;
      return {may_come ? LiteralMatch::Kind::kPartial : LiteralMatch::Kind::kNo, 0};
    }
    if (text[at] != wanted) return {LiteralMatch::Kind::kNo, 0};
    n_bytes = ++at;
  }
  return {LiteralMatch::Kind::kYes, n_bytes};
}

MarkerSearch FindMarker(std::string_view text, std::span<const std::string> markers) {
  MarkerSearch found = {text.size(), -1};
  for (size_t i = 0; i < markers.size(); ++i) {
    const std::string& marker = markers[i];
    const size_t at = text.find(marker);
    if (at != std::string_view::npos) {
      const bool better =
          at < found.n_free ||
          (at == found.n_free && (found.which < 0 || marker.size() > markers[found.which].size()));
      if (better) found = {at, static_cast<int>(i)};
      continue;
    }
    // The longest end of the text that begins the marker.
    const size_t longest = std::min(marker.size() - 1, text.size());
    for (size_t n = longest; n > 0; --n) {
      if (text.substr(text.size() - n) != std::string_view(marker).substr(0, n)) continue;
      if (text.size() - n < found.n_free) found = {text.size() - n, -1};
      break;
    }
  }
  return found;
}

}  // namespace autoglm

#include "text/jinja/strings.h"

#include <algorithm>

#include "text/jinja/case.h"
#include "text/unicode.h"

namespace autoglm::jinja {

namespace {

bool IsContinuation(char c) { return (c & 0xC0) == 0x80; }

// The character that ends at the end of `text`.
std::string_view LastChar(std::string_view text) {
  size_t start = text.size() - 1;
  while (start > 0 && IsContinuation(text[start])) --start;
  return text.substr(start);
}

std::string_view FirstChar(std::string_view text) {
  return text.substr(0, DecodeUtf8(text).n_bytes);
}

bool IsSpaceChar(std::string_view c) { return IsSpace(DecodeUtf8(c).code_point); }

bool IsLineBreak(char32_t c) {
  return (c >= '\n' && c <= '\r') || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

size_t FindSpace(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const Utf8Char c = DecodeUtf8(text.substr(i));
    if (IsSpace(c.code_point)) break;
    i += c.n_bytes;
  }
  return i;
}

// Where the last word of `text`, which does not end with white space, begins.
size_t LastWord(std::string_view text) {
  while (!text.empty()) {
    const std::string_view c = LastChar(text);
    if (IsSpaceChar(c)) break;
    text.remove_suffix(c.size());
  }
  return text.size();
}

template <typename MapChar>
std::string MapChars(std::string_view text, MapChar map) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Char c = DecodeUtf8(text);
    map(c.code_point, &out);
    text.remove_prefix(c.n_bytes);
  }
  return out;
}

bool IsCasedUniformly(std::string_view text, GeneralCategory wanted, GeneralCategory unwanted) {
  bool any = false;
  while (!text.empty()) {
    const Utf8Char c = DecodeUtf8(text);
    const GeneralCategory category = CategoryOf(c.code_point);
    if (category == unwanted || category == GeneralCategory::kLt) return false;
    any = any || category == wanted;
    text.remove_prefix(c.n_bytes);
  }
  return any;
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string Shortened(std::string_view text) {
  constexpr size_t kMaxBytes = 80;
  if (text.size() <= kMaxBytes) return std::string(text);
  return std::string(text.substr(0, CompleteUtf8Prefix(text.substr(0, kMaxBytes)))) + "...";
}

std::vector<size_t> CharStarts(std::string_view text) {
  std::vector<size_t> starts;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!IsContinuation(text[i])) starts.push_back(i);
  }
  starts.push_back(text.size());
  return starts;
}

std::string_view CharSubstr(const Text& text, int64_t start, int64_t count) {
  const std::string_view bytes = text.bytes;
  if (text.is_ascii()) return bytes.substr(start, count);
  const auto skip = [&](size_t from, int64_t n) {
    while (n > 0 && from < bytes.size()) {
      do {
        ++from;
      } while (from < bytes.size() && IsContinuation(bytes[from]));
      --n;
    }
    return from;
  };
  const size_t first = skip(0, start);
  return bytes.substr(first, skip(first, count) - first);
}

int64_t CountChars(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); });
}

bool IsSpace(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F);
  return IsWhiteSpace(c);
}

std::string_view Strip(std::string_view text, std::optional<std::string_view> chars, Side side) {
  const auto strips = [&](std::string_view c) {
    return chars ? chars->find(c) != std::string_view::npos : IsSpaceChar(c);
  };
  while (side != Side::kRight && !text.empty() && strips(FirstChar(text))) {
    text.remove_prefix(FirstChar(text).size());
  }
  while (side != Side::kLeft && !text.empty() && strips(LastChar(text))) {
    text.remove_suffix(LastChar(text).size());
  }
  return text;
}

std::vector<std::string_view> SplitSpace(std::string_view text, int64_t max_splits,
                                         bool from_right) {
  std::vector<std::string_view> words;
  text = Strip(text, std::nullopt, from_right ? Side::kRight : Side::kLeft);
  while (!text.empty()) {
    if (max_splits >= 0 && static_cast<int64_t>(words.size()) >= max_splits) {
      words.push_back(Strip(text, std::nullopt, from_right ? Side::kRight : Side::kLeft));
      break;
    }
    if (from_right) {
      const size_t start = LastWord(text);
      words.push_back(text.substr(start));
      text = Strip(text.substr(0, start), std::nullopt, Side::kRight);
    } else {
      const size_t end = FindSpace(text);
      words.push_back(text.substr(0, end));
      text = Strip(text.substr(end), std::nullopt, Side::kLeft);
    }
  }
  if (from_right) std::reverse(words.begin(), words.end());
  return words;
}

std::vector<std::string_view> SplitAt(std::string_view text, std::string_view separator,
                                      int64_t max_splits, bool from_right) {
  std::vector<std::string_view> parts;
  while (max_splits < 0 || static_cast<int64_t>(parts.size()) < max_splits) {
    const size_t at = from_right ? text.rfind(separator) : text.find(separator);
    if (at == std::string_view::npos) break;
    if (from_right) {
      parts.push_back(text.substr(at + separator.size()));
      text = text.substr(0, at);
    } else {
      parts.push_back(text.substr(0, at));
      text = text.substr(at + separator.size());
    }
  }
  parts.push_back(text);
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> SplitLines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t start = 0;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = DecodeUtf8(text.substr(i));
    const size_t end = i;
    i += c.n_bytes;
    if (!IsLineBreak(c.code_point)) continue;
    if (c.code_point == '\r' && i < text.size() && text[i] == '\n') ++i;
    lines.push_back(text.substr(start, (keep_ends ? i : end) - start));
    start = i;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

std::string Upper(std::string_view text) {
  return MapChars(text, [](char32_t c, std::string* out) { AppendUpper(out, c); });
}

std::string Lower(std::string_view text) {
  return MapChars(text, [](char32_t c, std::string* out) { AppendLower(out, c); });
}

std::string Capitalize(std::string_view text) {
  bool first = true;
  return MapChars(text, [&first](char32_t c, std::string* out) {
    first ? AppendTitle(out, c) : AppendLower(out, c);
    first = false;
  });
}

std::string TitleCase(std::string_view text) {
  bool in_word = false;
  return MapChars(text, [&in_word](char32_t c, std::string* out) {
    in_word ? AppendLower(out, c) : AppendTitle(out, c);
    in_word = IsCased(c);
  });
}

std::string SwapCase(std::string_view text) {
  return MapChars(text, [](char32_t c, std::string* out) {
    CategoryOf(c) == GeneralCategory::kLu ? AppendLower(out, c) : AppendUpper(out, c);
  });
}

bool IsLowerText(std::string_view text) {
  return IsCasedUniformly(text, GeneralCategory::kLl, GeneralCategory::kLu);
}

bool IsUpperText(std::string_view text) {
  return IsCasedUniformly(text, GeneralCategory::kLu, GeneralCategory::kLl);
}

bool IsAlpha(char32_t c) {
  constexpr CategoryMask kLetters = MaskOf(GeneralCategory::kLu) | MaskOf(GeneralCategory::kLl) |
                                    MaskOf(GeneralCategory::kLt) | MaskOf(GeneralCategory::kLm) |
                                    MaskOf(GeneralCategory::kLo);
  return HasCategory(c, kLetters);
}

bool IsDecimal(char32_t c) { return HasCategory(c, MaskOf(GeneralCategory::kNd)); }

bool IsDigit(char32_t c) {
  const bool superscript = c == 0xB2 || c == 0xB3 || c == 0xB9 || c == 0x2070 ||
                           (c >= 0x2074 && c <= 0x2079) || (c >= 0x2080 && c <= 0x2089);
  const bool enclosed =
      (c >= 0x2460 && c <= 0x2468) || (c >= 0x2474 && c <= 0x247C) || (c >= 0x2488 && c <= 0x2490);
  return superscript || enclosed || IsDecimal(c);
}

bool IsNumeric(char32_t c) {
  return HasCategory(c, MaskOf(GeneralCategory::kNd) | MaskOf(GeneralCategory::kNl) |
                            MaskOf(GeneralCategory::kNo));
}

bool IsAlnum(char32_t c) { return IsAlpha(c) || IsNumeric(c); }

}  // namespace autoglm::jinja

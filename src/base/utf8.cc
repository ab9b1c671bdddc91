#include "base/utf8.h"

#include <algorithm>

namespace autoglm {

namespace {

// What a lead byte asks for: the sequence length and the permitted range of the second byte
// (Unicode 15, table 3-7). Length 0: no lead byte.
struct Lead {
  int length;
  uint8_t second_min, second_max;
};

Lead LeadOf(uint8_t b) {
  if (b < 0x80) return {1, 0, 0};
  if (b < 0xC2) return {0, 0, 0};
  if (b < 0xE0) return {2, 0x80, 0xBF};
  if (b < 0xF0) return {3, uint8_t(b == 0xE0 ? 0xA0 : 0x80), uint8_t(b == 0xED ? 0x9F : 0xBF)};
  if (b < 0xF5) return {4, uint8_t(b == 0xF0 ? 0x90 : 0x80), uint8_t(b == 0xF4 ? 0x8F : 0xBF)};
  return {0, 0, 0};
}

// How many bytes at the start of `text` form a (possibly unfinished) well-formed sequence.
int WellFormedLength(std::string_view text, const Lead& lead) {
  int n = 1;
  while (n < lead.length && n < static_cast<int>(text.size())) {
    const uint8_t b = static_cast<uint8_t>(text[n]);
    const uint8_t low = n == 1 ? lead.second_min : 0x80;
    const uint8_t high = n == 1 ? lead.second_max : 0xBF;
    if (b < low || b > high) break;
    ++n;
  }
  return n;
}

}  // namespace

Utf8Char DecodeUtf8(std::string_view text) {
  const uint8_t first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return {first, 1, true};
  const Lead lead = LeadOf(first);
  if (lead.length == 0) return {kReplacementChar, 1, false};
  const int n = WellFormedLength(text, lead);
  if (n < lead.length) return {kReplacementChar, n, false};
  char32_t code_point = first & (0xFF >> (lead.length + 1));
  for (int i = 1; i < n; ++i) code_point = code_point << 6 | (static_cast<uint8_t>(text[i]) & 0x3F);
  return {code_point, n, true};
}

void AppendUtf8(std::string* out, char32_t c) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xC0 | c >> 6));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | c >> 12));
    out->push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | c >> 18));
    out->push_back(static_cast<char>(0x80 | (c >> 12 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char c = DecodeUtf8(text);
    if (!c.valid) return false;
    text.remove_prefix(c.n_bytes);
  }
  return true;
}

size_t CompleteUtf8Prefix(std::string_view text) {
  const size_t window = std::min<size_t>(text.size(), 3);
  for (size_t back = 1; back <= window; ++back) {
    const size_t start = text.size() - back;
    const Lead lead = LeadOf(static_cast<uint8_t>(text[start]));
    if (lead.length <= static_cast<int>(back)) {
      if (lead.length > 0) return text.size();  // a finished character, or stray continuations
      continue;                                 // a continuation byte: look for its lead
    }
    const bool open = WellFormedLength(text.substr(start), lead) == static_cast<int>(back);
    return open ? start : text.size();
  }
  return text.size();
}

std::string ReplaceInvalidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Char c = DecodeUtf8(text);
    if (c.valid) {
      out.append(text.substr(0, c.n_bytes));
    } else {
      AppendUtf8(&out, kReplacementChar);
    }
    text.remove_prefix(c.n_bytes);
  }
  return out;
}

}  // namespace autoglm

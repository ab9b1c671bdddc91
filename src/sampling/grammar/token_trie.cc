#include "sampling/grammar/token_trie.h"

#include <algorithm>
#include <array>

namespace autoglm {
namespace {

constexpr uint8_t kNever = 0xFF;

// The bytes that a character still needs behind `byte`, which stands behind `before`, where it
// needed `open`. kNever: it is ill-formed (Unicode 15, table 3-7).
uint8_t StillOpen(uint8_t open, uint8_t before, uint8_t byte) {
  if (open == kNever) return kNever;
  if (open == 0) {
    if (byte < 0x80) return 0;
    if (byte < 0xC2 || byte > 0xF4) return kNever;
    return byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  }
  const uint8_t low = before == 0xE0 ? 0xA0 : before == 0xF0 ? 0x90 : 0x80;
  const uint8_t high = before == 0xED ? 0x9F : before == 0xF4 ? 0x8F : 0xBF;
  return low <= byte && byte <= high ? static_cast<uint8_t>(open - 1) : kNever;
}

}  // namespace

TokenTrie::TokenTrie(std::vector<std::pair<std::string_view, int32_t>> strings) {
  std::erase_if(strings, [](const auto& entry) { return entry.first.size() > kMaxBytes; });
  std::sort(strings.begin(), strings.end());
  tokens_.reserve(strings.size());
  nodes_.push_back({});
  std::vector<uint32_t> path = {0};  // the nodes of the string before
  std::string_view before;
  const auto close_to = [&](size_t depth) {
    for (; path.size() > depth + 1; path.pop_back()) {
      nodes_[path.back()].end = static_cast<uint32_t>(nodes_.size());
      nodes_[path.back()].end_token = static_cast<uint32_t>(tokens_.size());
    }
  };
  for (const auto& [text, token] : strings) {
    const auto differs = std::mismatch(text.begin(), text.end(), before.begin(), before.end());
    const auto common = static_cast<size_t>(differs.first - text.begin());
    close_to(common);
    for (size_t i = common; i < text.size(); ++i) {
      path.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({.first_token = static_cast<uint32_t>(tokens_.size()),
                        .depth = static_cast<uint16_t>(i + 1),
                        .byte = static_cast<uint8_t>(text[i])});
    }
    tokens_.push_back(token);
    max_depth_ = std::max(max_depth_, static_cast<int>(text.size()));
    before = text;
  }
  close_to(0);
  nodes_[0].end = static_cast<uint32_t>(nodes_.size());
  nodes_[0].end_token = static_cast<uint32_t>(tokens_.size());
  nodes_.push_back(
      {.end = nodes_[0].end, .first_token = nodes_[0].end_token, .end_token = nodes_[0].end_token});
  Summarize();
}

int ByteSummary::ClassOf(uint8_t byte) {
  static constexpr std::array<int8_t, 128> kClasses = [] {
    std::array<int8_t, 128> classes{};
    int8_t n = 4;
    for (int b = 0; b < 128; ++b) {
      const bool is_rare = b < ' ' && b != '\t' && b != '\n' && b != '\r';
      classes[b] = b >= 'a' && b <= 'z'   ? int8_t{0}
                   : b >= 'A' && b <= 'Z' ? int8_t{1}
                   : b >= '0' && b <= '9' ? int8_t{2}
                   : is_rare              ? int8_t{3}
                                          : n++;
    }
    return classes;
  }();
  return kClasses[byte];
}

void TokenTrie::Summarize() {
  constexpr uint64_t kIllFormed = ByteSummary::Bit(ByteSummary::kIllFormed);
  constexpr uint64_t kBeyondAscii = ByteSummary::Bit(ByteSummary::kBeyondAscii);
  // A node's summary is that of its children, each with its own byte; children come behind it. What
  // begins within a character is given to the node where the character begins.
  std::vector<uint32_t> parent(max_depth_ + 1, 0);
  std::vector<uint32_t> parent_of(n_nodes(), 0);
  std::vector<uint8_t> open(n_nodes(), 0);  // bytes that the character before still needs
  for (uint32_t i = 1; i < n_nodes(); ++i) {
    parent_of[i] = parent[nodes_[i].depth - 1];
    parent[nodes_[i].depth] = i;
    open[i] = StillOpen(open[parent_of[i]], nodes_[parent_of[i]].byte, nodes_[i].byte);
  }
  std::vector<uint64_t> inside(n_nodes(), 0);
  for (uint32_t i = static_cast<uint32_t>(n_nodes()); i-- > 1;) {
    const uint32_t up = parent_of[i];
    const bool begins = open[up] == 0;
    const uint64_t own = open[i] == kNever ? kIllFormed
                         : nodes_[i].byte < 0x80
                             ? ByteSummary::Bit(ByteSummary::ClassOf(nodes_[i].byte))
                             : kBeyondAscii;
    inside[up] |= own | inside[i];
    nodes_[up].n_chars_below =
        std::max<uint16_t>(nodes_[up].n_chars_below,
                           static_cast<uint16_t>(nodes_[i].n_chars_below + (begins ? 1 : 0)));
  }
  for (uint32_t i = 0; i < n_nodes(); ++i) {
    const bool is_within = open[i] != 0 && open[parent_of[i]] != 0;
    nodes_[i].summary = is_within || open[i] == kNever ? inside[i] | kIllFormed : inside[i];
  }
}

uint32_t TokenTrie::Find(std::string_view bytes) const {
  uint32_t node = 0;
  for (const char c : bytes) {
    const uint32_t end = nodes_[node].end;
    ++node;
    while (node < end && nodes_[node].byte != static_cast<uint8_t>(c)) node = nodes_[node].end;
    if (node == end) return kNotFound;
  }
  return node;
}

}  // namespace autoglm

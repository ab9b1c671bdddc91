#include "sampling/grammar/token_trie.h"

#include <algorithm>
#include <array>

namespace autoglm {

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
    const uint8_t byte = nodes_[i].byte;
    parent_of[i] = parent[nodes_[i].depth - 1];
    parent[nodes_[i].depth] = i;
    const uint8_t needed = open[parent_of[i]];
    const bool continues = (byte & 0xC0) == 0x80;
    const uint8_t lead = byte >= 0xC2 && byte < 0xE0   ? 1
                         : byte >= 0xE0 && byte < 0xF0 ? 2
                         : byte >= 0xF0 && byte < 0xF5 ? 3
                                                       : 0;
    constexpr uint8_t kNever = 0xFF;
    open[i] = needed == kNever ? kNever
              : needed > 0     ? (continues ? static_cast<uint8_t>(needed - 1) : kNever)
              : byte < 0x80    ? uint8_t{0}
              : lead > 0       ? lead
                               : kNever;
  }
  std::vector<uint64_t> inside(n_nodes(), 0);
  for (uint32_t i = static_cast<uint32_t>(n_nodes()); i-- > 1;) {
    const uint32_t up = parent_of[i];
    const bool begins = open[up] == 0;
    const uint64_t own = open[i] == 0xFF ? kIllFormed
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
    nodes_[i].summary = is_within || open[i] == 0xFF ? inside[i] | kIllFormed : inside[i];
  }
}

uint32_t TokenTrie::Child(uint32_t node, uint8_t byte) const {
  for (uint32_t child = node + 1; child < nodes_[node].end; child = nodes_[child].end) {
    if (nodes_[child].byte == byte) return child;
  }
  return 0;
}

}  // namespace autoglm

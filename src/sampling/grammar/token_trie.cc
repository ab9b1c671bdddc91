#include "sampling/grammar/token_trie.h"

#include <algorithm>

namespace autoglm {

TokenTrie::TokenTrie(std::vector<std::pair<std::string_view, int32_t>> strings) {
  std::erase_if(strings, [](const auto& entry) { return entry.first.size() > kMaxBytes; });
  std::sort(strings.begin(), strings.end());
  tokens_.reserve(strings.size());
  nodes_.push_back({0, 0, 0, 0});
  std::vector<uint32_t> path = {0};  // the nodes of the string before
  std::string_view before;
  const auto close_to = [&](size_t depth) {
    for (; path.size() > depth + 1; path.pop_back()) {
      nodes_[path.back()].end = static_cast<uint32_t>(nodes_.size());
    }
  };
  for (const auto& [text, token] : strings) {
    const auto differs = std::mismatch(text.begin(), text.end(), before.begin(), before.end());
    const auto common = static_cast<size_t>(differs.first - text.begin());
    close_to(common);
    for (size_t i = common; i < text.size(); ++i) {
      path.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({0, static_cast<uint32_t>(tokens_.size()), static_cast<uint16_t>(i + 1),
                        static_cast<uint8_t>(text[i])});
    }
    tokens_.push_back(token);
    max_depth_ = std::max(max_depth_, static_cast<int>(text.size()));
    before = text;
  }
  close_to(0);
  nodes_[0].end = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back({nodes_[0].end, static_cast<uint32_t>(tokens_.size()), 0, 0});
}

uint32_t TokenTrie::Child(uint32_t node, uint8_t byte) const {
  for (uint32_t child = node + 1; child < nodes_[node].end; child = nodes_[child].end) {
    if (nodes_[child].byte == byte) return child;
  }
  return 0;
}

}  // namespace autoglm

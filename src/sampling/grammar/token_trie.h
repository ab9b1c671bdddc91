// TokenTrie: byte strings as a trie that lies flat in memory, parents before children.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace autoglm {

/// Each string carries a token id. Immutable.
class TokenTrie {
 public:
  struct Node {
    uint32_t end;  ///< the index behind this node's descendants
    uint32_t
        first_token;  ///< of tokens(): this node's up to the next node's, its subtree's to end's
    uint16_t depth;   ///< the bytes from the root
    uint8_t byte;     ///< the last of them
  };
  static constexpr size_t kMaxBytes = 65535;

  TokenTrie() { nodes_.resize(2); }
  /// Strings longer than kMaxBytes are left out.
  explicit TokenTrie(std::vector<std::pair<std::string_view, int32_t>> strings);

  /// nodes()[0] is the root; one more than there are stands at the end.
  std::span<const Node> nodes() const { return nodes_; }
  size_t n_nodes() const { return nodes_.size() - 1; }
  std::span<const int32_t> tokens() const { return tokens_; }
  int max_depth() const { return max_depth_; }
  /// The child of `node` by `byte`, or 0.
  uint32_t Child(uint32_t node, uint8_t byte) const;
  size_t bytes() const { return nodes_.size() * sizeof(Node) + tokens_.size() * sizeof(int32_t); }

 private:
  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_;
  int max_depth_ = 0;
};

}  // namespace autoglm

// TokenTrie: byte strings as a trie that lies flat in memory, parents before children.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace autoglm {

/// What occurs in byte strings: one bit for each class of ASCII bytes (all lower-case letters are
/// one, as are upper-case letters, digits and rare control characters; others are alone), one for
/// characters beyond ASCII.
class ByteSummary {
 public:
  static constexpr int kBeyondAscii = 62;  ///< well-formed, perhaps cut off at the end
  static constexpr int kIllFormed = 63;

  /// Of an ASCII byte; below kBeyondAscii.
  static int ClassOf(uint8_t byte);
  static constexpr uint64_t Bit(int byte_class) { return uint64_t{1} << byte_class; }
};

/// Each string carries a token id. Immutable.
class TokenTrie {
 public:
  /// All that a walk needs lies together.
  struct Node {
    /// What occurs below, where this node ends a character or begins one; else kIllFormed.
    uint64_t summary = 0;
    uint32_t end = 0;            ///< the index behind this node's descendants
    uint32_t first_token = 0;    ///< of tokens(): this node's up to the next node's
    uint32_t end_token = 0;      ///< and its subtree's up to this
    uint16_t depth = 0;          ///< the bytes from the root
    uint16_t n_chars_below = 0;  ///< the most characters that begin below
    uint8_t byte = 0;            ///< the last of the bytes

    /// Whether a character of several bytes begins here, if the summary is well-formed.
    bool begins_char() const { return byte >= 0xC2; }
  };
  static constexpr size_t kMaxBytes = 65535;
  static constexpr uint32_t kNotFound = UINT32_MAX;

  TokenTrie() : TokenTrie(std::vector<std::pair<std::string_view, int32_t>>()) {}
  /// Strings longer than kMaxBytes are left out.
  explicit TokenTrie(std::vector<std::pair<std::string_view, int32_t>> strings);

  /// nodes()[0] is the root; one more than there are stands at the end.
  std::span<const Node> nodes() const { return nodes_; }
  size_t n_nodes() const { return nodes_.size() - 1; }
  std::span<const int32_t> tokens() const { return tokens_; }
  int max_depth() const { return max_depth_; }
  /// The node to which `bytes` lead from the root, or kNotFound.
  uint32_t Find(std::string_view bytes) const;
  size_t bytes() const { return nodes_.size() * sizeof(Node) + tokens_.size() * sizeof(int32_t); }

 private:
  void Summarize();

  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_;
  int max_depth_ = 0;
};

}  // namespace autoglm

// AddedTokens: finds control and user-defined tokens written out in a text.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace autoglm {

struct AddedToken {
  std::string text;  ///< what is sought; not empty
  int32_t id;
  bool is_control;    ///< only sought with parse_special
  int64_t flags = 0;  ///< AddedTokenFlag
};

/// Leftmost, then longest, as Hugging Face does it. A trie over all tokens with the first bytes
/// indexed: the text is looked through once, whatever the number of tokens.
class AddedTokens {
 public:
  struct Match {
    size_t begin, end;  ///< what the token replaces, the white space it takes included
    int32_t id;
  };

  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }
  /// The first match at or after `from`; false if there is none.
  bool Find(std::string_view text, size_t from, bool parse_special, Match* match) const;

 private:
  struct Node {
    uint8_t byte = 0;
    int32_t token = -1;        ///< index into tokens_ of what ends here
    int32_t first_child = -1;  ///< index into nodes_
    int32_t next_sibling = -1;
  };

  int32_t LongestAt(std::string_view text, size_t at, bool parse_special) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;
  std::array<int32_t, 256> roots_{};  ///< by first byte; -1: none
};

}  // namespace autoglm

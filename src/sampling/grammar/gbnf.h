// GBNF, the text form of grammars: rules over characters, read into a tree. The notation is that of
// llama.cpp (its grammars/README.md): name ::= alternatives of sequences of "literals", [classes],
// any character (.), rule names, (groups), each with *, +, ? or {m,n}; # begins a comment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace autoglm {

/// Inclusive; Unicode scalar values.
struct CharRange {
  char32_t first;
  char32_t last;
};

struct GbnfNode {
  enum class Kind : uint8_t {
    kLiteral,   ///< `text`
    kChars,     ///< one character of `ranges`
    kSequence,  ///< all of `children` in order; none: the empty text
    kChoice,    ///< one of `children`
    kRepeat,    ///< `min` to `max` times children[0]
    kRule,      ///< rule `rule`
    kToken,     ///< one control token: `token` where it is not negative, else the one named `text`
  };
  static constexpr uint32_t kNoMax = UINT32_MAX;

  Kind kind = Kind::kSequence;
  std::string text = {};
  std::vector<CharRange> ranges = {};  ///< ascending, disjoint
  std::vector<uint32_t> children = {};
  uint32_t min = 0;
  uint32_t max = 0;
  uint32_t rule = 0;
  int32_t token = -1;
};

/// Every rule that is referred to is there. Children have smaller indices than their parents.
struct GbnfGrammar {
  static constexpr uint32_t kNoRule = UINT32_MAX;

  std::vector<GbnfNode> nodes;
  std::vector<std::string> rule_names;  ///< in the order of their first mention
  std::vector<uint32_t> rule_nodes;     ///< [rule_names.size()] the root of each rule's tree

  /// kNoRule where there is none.
  uint32_t FindRule(std::string_view name) const;
};

/// kInvalidArgument with line and column: not GBNF, a rule that is missing or given twice.
/// kResourceExhausted: beyond 4 MiB of text, 200 nested groups or 65535 repetitions.
Result<GbnfGrammar> ParseGbnf(std::string_view text);

/// `text` (valid UTF-8) as a GBNF literal, with its quotes.
std::string GbnfLiteral(std::string_view text);

}  // namespace autoglm

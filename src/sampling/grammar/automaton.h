// Automaton: a grammar as byte-level states: a pushdown automaton whose rules call each other.
// Characters become their UTF-8 bytes, so that a token may end inside of one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "sampling/grammar/gbnf.h"

namespace autoglm {

/// From where a rule must follow in text that is free until then.
struct GrammarTrigger {
  std::string text;           ///< what begins it; or the name of a control token
  std::string rule = "root";  ///< what must come behind it
};

/// What a text must match.
struct GrammarSpec {
  std::string gbnf;                           ///< rules; "root" is the first to hold
  std::vector<GrammarTrigger> triggers = {};  ///< none: the text matches root from its beginning
  bool repeat = false;    ///< with triggers: when the rule is complete, the text is free again
  bool required = false;  ///< with triggers: the text cannot end before one was written
};

/// A byte that no text has: it and three bytes of an id, the highest first, are a control token.
inline constexpr uint8_t kControlTokenByte = 0xFF;
/// The four bytes for token `id`.
std::string ControlTokenPath(int32_t id);
/// The id of the control token of this name, or -1.
using ControlTokenFinder = std::function<int32_t(std::string_view name)>;

/// Immutable. States are numbers from 0; each is of one kind. From every state some text leads to
/// the end.
struct Automaton {
  enum class Kind : uint8_t {
    kBytes,  ///< reads one byte: edges[first, first + n)
    kSplit,  ///< is all of targets[first, first + n) at once
    kCall,   ///< goes to state `first`, and to `next` when that has come to its kEnd
    kEnd,    ///< returns
  };
  struct State {
    Kind kind = Kind::kEnd;
    uint32_t first = 0;
    uint32_t n = 0;
    uint32_t next = 0;
  };
  struct Edge {
    uint8_t low;
    uint8_t high;  ///< inclusive
    uint32_t next;
  };

  std::vector<State> states;
  std::vector<Edge> edges;
  std::vector<uint32_t> targets;
  uint32_t start = 0;
  /// [states] a state that reads the same for the next kSimilarBytes bytes, or itself: the states
  /// within long repetitions differ only in how much may still come.
  std::vector<uint32_t> similar;
  static constexpr int kSimilarBytes = 160;

  /// Bytes that no edge tells apart have the same class.
  std::array<uint8_t, 256> class_of_byte{};
  int n_classes = 0;
};

/// kInvalidArgument: not GBNF, no rule of a name asked for, rules that never come to an end, left
/// recursion (the rules of the cycle are named), an empty trigger, a token that is not there.
/// kResourceExhausted: more than 400 thousand states.
Result<Automaton> BuildAutomaton(const GrammarSpec& spec, const ControlTokenFinder& find_token);

}  // namespace autoglm

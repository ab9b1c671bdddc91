// Regular expressions as pre-tokenizers use them (the common part of Oniguruma and fancy-regex):
// Unicode classes and properties, groups, (?i:), lookahead, greedy, lazy and possessive repeats.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/code_point_set.h"

namespace autoglm {

struct RegexNode;

/// A compiled pattern: immutable, so threads may share it. Text is UTF-8; every ill-formed byte
/// counts as one U+FFFD. \s is White_Space, \d is Nd, \w is L, M, Nd and Pc. Not supported, and
/// refused: back-references, look-behind, unbounded repeats of what may be empty.
class Regex {
 public:
  /// kInvalidArgument: malformed; kUnimplemented: valid elsewhere, not here. Both quote the
  /// pattern and name the offset.
  static Result<Regex> Compile(std::string_view pattern);

 private:
  friend class RegexMatcher;
  friend class RegexCompiler;

  enum class Op : uint8_t {
    kByte,    // one byte equal to x
    kClass,   // one character of classes[x]
    kRun,     // min..max characters of classes[x]
    kSplit,   // go to x, later to y
    kJump,    // go to x
    kLook,    // the program behind, up to kAccept, matches here (or not: negative); go to x
    kAtomic,  // match the program behind, up to kAccept, without a way back; go to x
    kBegin,
    kEnd,           // the end, or before a newline at the end
    kAbsoluteEnd,   // the very end
    kWordBoundary,  // or none (negative)
    kAccept,
  };
  enum class Mode : uint8_t { kGreedy, kLazy, kPossessive };
  struct Instruction {
    Op op;
    Mode mode = Mode::kGreedy;
    bool negative = false;
    uint32_t x = 0, y = 0;
    uint32_t min = 0, max = 0;
  };

  std::vector<Instruction> program_;
  std::vector<CharClass> classes_;
  /// Entry points of the top-level alternatives that can start with each byte, in order:
  /// entries_[first_entry_[b], first_entry_[b + 1]).
  std::vector<uint32_t> entries_;
  std::array<uint32_t, 257> first_entry_{};
};

/// Runs one pattern over one text at a time; reusable, for one thread. The work for a text is
/// bounded by a multiple of its length: a pattern that would need more (quadratic or worse) does
/// not match from there on.
class RegexMatcher {
 public:
  static constexpr size_t kNoMatch = static_cast<size_t>(-1);

  explicit RegexMatcher(const Regex& regex) : regex_(&regex) {}

  /// `text` must stay until the next Reset.
  void Reset(std::string_view text);
  /// Where the match that begins at `pos` ends (the first in order of preference), or kNoMatch.
  /// `pos` is below the length of the text and at a character's start.
  size_t MatchAt(size_t pos);

 private:
  struct Frame {
    uint32_t pc;
    bool lazy;
    size_t pos;
    size_t low;  ///< of a greedy run: as far back as it may give; of a lazy one: characters left
  };

  size_t Run(uint32_t pc, size_t pos);
  bool Backtrack(size_t base, uint32_t* pc, size_t* pos);
  size_t Consume(const CharClass& set, size_t pos, uint32_t max, uint32_t* n) const;
  bool RunRepeat(const Regex::Instruction& in, uint32_t next_pc, size_t* pos);
  bool IsWordBoundary(size_t pos) const;

  const Regex* regex_;
  std::string_view text_;
  std::vector<Frame> stack_;
  uint64_t steps_left_ = 0;
};

}  // namespace autoglm

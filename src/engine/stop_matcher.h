// StopMatcher: finds stop strings in text that arrives in pieces, and holds back what might still
// become one. Source: Aho and Corasick 1975, "Efficient String Matching".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace autoglm {

/// The text stops at the stop string that is complete first; of several that are complete with the
/// same byte, the longest counts, so that no part of a stop string is ever shown. This is when a
/// user watching the text would say "stop", and does not depend on how the text is cut into pieces.
/// (So with the stops "\n" and "\n\n" the second never acts.)
///
/// Time is linear in the text. Where the text is cut between characters and stop strings are valid
/// UTF-8, so is what is emitted. A copy shares the read-only automaton and continues on its own.
class StopMatcher {
 public:
  struct Output {
    std::string emit;      ///< text that is safe to show now; never part of a stop string
    bool stopped = false;  ///< a stop string was found, now or before
    int32_t which = -1;    ///< its index (the lowest, if it was given twice), or -1
  };

  /// kInvalidArgument for an empty stop string, kOutOfRange beyond 64 KiB of them in all. No stops
  /// at all are fine: everything is emitted at once.
  static Result<StopMatcher> Create(std::vector<std::string> stops);

  /// Adds `text`. After a stop, text is dropped and nothing emitted.
  Output Push(std::string_view text);

  /// The end of the text: what is held back, which is no stop string after all. Empty after a stop.
  std::string Flush();

  /// Ready for another text.
  void Reset();

 private:
  class Automaton;

  explicit StopMatcher(std::shared_ptr<const Automaton> automaton);

  std::shared_ptr<const Automaton> automaton_;
  std::string held_;  ///< the longest end of the text so far that begins some stop string
  int32_t state_ = 0;
  int32_t which_ = -1;
};

}  // namespace autoglm

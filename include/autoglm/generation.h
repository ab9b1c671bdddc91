// The words that the engine and those who call it share: why an answer ended, and what happens at
// the end of the context.
#pragma once

namespace autoglm {

enum class StopReason : int {
  kNone = 0,             ///< It has not ended.
  kEndOfGeneration = 1,  ///< The model wrote a token that ends an answer.
  kStopString = 2,       ///< A stop string was written (it is not part of the text).
  kLength = 3,           ///< The number of tokens asked for is reached.
  kContextFull = 4,      ///< Prompt and answer together fill the context.
  kCancelled = 5,        ///< The caller asked to stop.
  kError = 6,            ///< It could not go on; a Status says why.
};

/// "none", "end_of_generation", "stop_string", "length", "context_full", "cancelled" or "error".
const char* StopReasonName(StopReason reason);

/// What happens where prompt and answer together fill the context.
enum class ContextPolicy : int {
  kStop = 0,        ///< A longer prompt is refused; the answer ends with kContextFull.
  kDropOldest = 1,  ///< The oldest tokens behind a kept prefix are forgotten, half of them at once,
                    ///< and the rest is computed again at its new place.
};

}  // namespace autoglm

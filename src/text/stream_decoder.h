// StreamDecoder: ids in, one at a time; text out that never ends inside a UTF-8 character.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace autoglm {

/// The concatenation of all Push results and Flush equals Tokenizer::Decode of the same ids, with
/// ill-formed bytes replaced by U+FFFD. `tokenizer` must outlive this.
class StreamDecoder {
 public:
  /// `at_start`: the ids begin a text (a SentencePiece space in front is removed); false when they
  /// continue a prompt.
  /// Control tokens are left out, unless `keep_special`, or the id is among `shown_special`.
  StreamDecoder(const Tokenizer& tokenizer, bool at_start, bool keep_special = false,
                std::vector<int32_t> shown_special = {});

  /// The text that became whole with this token; may be empty.
  std::string Push(int32_t id);
  /// What is still held back, made valid with U+FFFD.
  std::string Flush();

 private:
  const Tokenizer& tokenizer_;
  bool at_start_;
  bool keep_special_;
  std::vector<int32_t> shown_special_;  ///< few
  std::string held_;                    ///< at most three bytes: an unfinished character
};

}  // namespace autoglm

// TextData: what a model is trained on, as it stands in a file: running text, or pairs of a prompt
// and its answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace autoglm {

struct PromptAnswer {
  std::string prompt, answer;
};

struct TextData {
  std::string text;                 ///< where there are no pairs
  std::vector<PromptAnswer> pairs;  ///< one per line of a JSON Lines file
};

/// Reads `path`: a file whose first line is a JSON object is JSON Lines, each line with the strings
/// "prompt" and "answer" (other keys are ignored, empty lines too); any other is text. Errors name
/// the file and the line: kInvalidArgument (empty, not UTF-8, a line that is no pair), and those of
/// reading.
Result<TextData> ReadTextData(const std::string& path);

}  // namespace autoglm

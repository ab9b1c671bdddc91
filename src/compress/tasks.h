// A task file: prompts and the answers that are right, one JSON object a line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace autoglm {

struct Task {
  std::string prompt;
  std::string answer;
};

/// Lines {"prompt": TEXT, "answer": TEXT}; other keys are left alone, and so are empty lines.
/// `source` is named in messages. kInvalidArgument with the line's number where one is not such an
/// object, and where there is none at all.
Result<std::vector<Task>> ParseTasks(std::string_view text, std::string_view source);

/// True where the answers are the same but for white space around them.
bool IsExactMatch(std::string_view answer, std::string_view expected);

}  // namespace autoglm

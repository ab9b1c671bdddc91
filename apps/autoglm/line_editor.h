// Reading lines from a person: with editing and history on a terminal, plainly from a pipe.
#pragma once

#include <optional>
#include <string>

namespace autoglm {

class LineEditor {
 public:
  LineEditor();

  /// The next line without its newline; nothing at the end of input. The prompt is shown on a
  /// terminal only.
  std::optional<std::string> Read(const char* prompt);

 private:
  bool is_terminal_;
};

}  // namespace autoglm

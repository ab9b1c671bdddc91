#include "apps/autoglm/line_editor.h"

#include <editline/readline.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace autoglm {

LineEditor::LineEditor() : is_terminal_(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
  if (is_terminal_) using_history();
}

std::optional<std::string> LineEditor::Read(const char* prompt) {
  if (!is_terminal_) {
    std::string line;
    if (!std::getline(std::cin, line)) return std::nullopt;
    return line;
  }
  char* raw = readline(prompt);
  if (raw == nullptr) return std::nullopt;
  std::string line = raw;
  if (!line.empty()) add_history(raw);
  std::free(raw);
  return line;
}

}  // namespace autoglm

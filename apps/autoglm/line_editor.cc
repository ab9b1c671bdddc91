#include "apps/autoglm/line_editor.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

#ifdef AUTOGLM_HAVE_LIBEDIT
#include <editline/readline.h>
#endif

namespace autoglm {

LineEditor::LineEditor() : is_terminal_(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
#ifdef AUTOGLM_HAVE_LIBEDIT
  if (is_terminal_) using_history();
#endif
}

std::optional<std::string> LineEditor::Read(const char* prompt) {
#ifdef AUTOGLM_HAVE_LIBEDIT
  if (is_terminal_) {
    char* raw = readline(prompt);
    if (raw == nullptr) return std::nullopt;
    std::string line = raw;
    if (!line.empty()) add_history(raw);
    std::free(raw);
    return line;
  }
#endif
  if (is_terminal_) std::cout << prompt << std::flush;
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

}  // namespace autoglm

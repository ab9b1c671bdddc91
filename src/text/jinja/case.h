// Upper, lower and title case of one character with Unicode's full, context-free mappings.
#pragma once

#include <string>

namespace autoglm::jinja {

void AppendUpper(std::string* out, char32_t c);
void AppendLower(std::string* out, char32_t c);
void AppendTitle(std::string* out, char32_t c);

/// Upper-, lower- or titlecase letter.
bool IsCased(char32_t c);

}  // namespace autoglm::jinja

// A table of text, as Markdown reads it: what compressing a model gained and what it cost.
#pragma once

#include <string>
#include <vector>

namespace autoglm {

/// Lines "| a | b |" with columns of even width, the header first; the first column is flush left,
/// the others right. Every row has as many cells as `header`.
std::string FormatTable(const std::vector<std::string>& header,
                        const std::vector<std::vector<std::string>>& rows);

/// `value` with `decimals` digits behind the point.
std::string FormatNumber(double value, int decimals);

}  // namespace autoglm

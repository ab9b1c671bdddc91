#include "compress/table.h"

#include <algorithm>
#include <cstdio>

#include "base/str.h"
#include "base/utf8.h"

namespace autoglm {

namespace {

size_t Width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string Line(const std::vector<std::string>& cells, const std::vector<size_t>& widths) {
  std::string line = "|";
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string space(widths[i] - Width(cells[i]), ' ');
    StrAppend(&line, " ", i == 0 ? cells[i] + space : space + cells[i], " |");
  }
  return line + "\n";
}

}  // namespace

std::string FormatTable(const std::vector<std::string>& header,
                        const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const std::string& cell : header) widths.push_back(std::max<size_t>(3, Width(cell)));
  for (const std::vector<std::string>& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string table = Line(header, widths) + "|";
  for (size_t i = 0; i < widths.size(); ++i) {
    StrAppend(&table, " ", std::string(widths[i] - (i > 0), '-'), i > 0 ? ":" : "", " |");
  }
  table += "\n";
  for (const std::vector<std::string>& row : rows) table += Line(row, widths);
  return table;
}

std::string FormatNumber(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", decimals, value);
  return text;
}

}  // namespace autoglm

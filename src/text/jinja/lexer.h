// Splits template source into text and the tokens of its tags, with Jinja's whitespace control:
// trim_blocks and lstrip_blocks on, one trailing newline dropped, '-' and '+' beside a delimiter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace autoglm::jinja {

enum class TokenKind : uint8_t {
  kData,  ///< Text outside tags, ready to print.
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,  ///< `text` is the string's contents.
  kInteger,
  kFloat,
  kOperator,
  kEnd
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  uint32_t offset = 0;  ///< Bytes into the source.
  std::string text;
  int64_t integer = 0;
  double number = 0;
};

/// How a message names the token.
std::string Describe(const Token& token);

/// `source` with line ends as "\n", one trailing newline removed, ill-formed UTF-8 replaced.
std::string NormalizeSource(std::string_view source);

/// A Status that says where in the source (line and column in characters, from 1).
Status ErrorAt(std::string_view source, uint32_t offset, StatusCode code, std::string_view message);

/// `source` must be normalized. The last token is kEnd.
Result<std::vector<Token>> Tokenize(std::string_view source);

}  // namespace autoglm::jinja

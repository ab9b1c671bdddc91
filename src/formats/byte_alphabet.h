// The alphabet of byte-level BPE (GPT-2): each byte is one printable character, so that
// vocabularies can be written as text. tokenizer.ggml.tokens of model "gpt2" are spelled in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace autoglm {

/// The character that stands for `byte`: itself where it is printable Latin-1, else U+0100 and up.
char32_t ByteToLetter(uint8_t byte);
/// The byte that `letter` stands for, or -1.
int LetterToByte(char32_t letter);

/// `bytes` in the alphabet, as UTF-8.
std::string ToByteAlphabet(std::string_view bytes);
/// The inverse, appended to `out`; false (and nothing appended) if a character is not of the
/// alphabet.
bool FromByteAlphabet(std::string_view text, std::string* out);

}  // namespace autoglm

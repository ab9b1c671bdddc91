#include "formats/byte_alphabet.h"

#include <array>

#include "base/utf8.h"

namespace autoglm {

namespace {

constexpr bool IsItsOwnLetter(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<char32_t, 256> letter{};
  std::array<int16_t, 0x144> byte{};  ///< by letter
};

constexpr Alphabet MakeAlphabet() {
  Alphabet out;
  out.byte.fill(-1);
  char32_t next = 0x100;
  for (int b = 0; b < 256; ++b) {
    out.letter[b] = IsItsOwnLetter(b) ? static_cast<char32_t>(b) : next++;
    out.byte[out.letter[b]] = static_cast<int16_t>(b);
  }
  return out;
}

constexpr Alphabet kAlphabet = MakeAlphabet();

}  // namespace

char32_t ByteToLetter(uint8_t byte) { return kAlphabet.letter[byte]; }

int LetterToByte(char32_t letter) {
  return letter < kAlphabet.byte.size() ? kAlphabet.byte[letter] : -1;
}

std::string ToByteAlphabet(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char byte : bytes) AppendUtf8(&out, ByteToLetter(static_cast<uint8_t>(byte)));
  return out;
}

bool FromByteAlphabet(std::string_view text, std::string* out) {
  const size_t old_size = out->size();
  while (!text.empty()) {
    const Utf8Char c = DecodeUtf8(text);
    const int byte = c.valid ? LetterToByte(c.code_point) : -1;
    if (byte < 0) {
      out->resize(old_size);
      return false;
    }
    out->push_back(static_cast<char>(byte));
    text.remove_prefix(c.n_bytes);
  }
  return true;
}

}  // namespace autoglm

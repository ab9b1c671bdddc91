// Decode(Encode(x)) == x on random text and random bytes. AUTOGLM_ROUND_TRIP_MB sets how much of
// each (default 1 MB); with external data also on real vocabularies.
#include <gtest/gtest.h>

#include <cstdlib>

#include "formats/hf_tokenizer.h"
#include "formats/model_file.h"
#include "tests/test_data.h"
#include "text/tokenizer.h"
#include "text/tokenizer_for_test.h"

namespace autoglm {
namespace {

constexpr size_t kChunkBytes = 100000;

int Megabytes() {
  const char* value = std::getenv("AUTOGLM_ROUND_TRIP_MB");
  return value ? std::atoi(value) : 1;
}

// Stretches of one kind each: letters, spaces, ideographs, anything assigned or not.
std::string RandomText(Rng* rng) {
  std::string text;
  while (text.size() < kChunkBytes) {
    const uint64_t kind = rng->NextBelow(8), n = 1 + rng->NextBelow(12);
    const char32_t one = static_cast<char32_t>(0x20 + rng->NextBelow(0x5F));
    for (uint64_t i = 0; i < n; ++i) {
      char32_t c = one;  // a run of the same character
      if (kind <= 1) c = static_cast<char32_t>('a' + rng->NextBelow(26));
      if (kind == 2) c = static_cast<char32_t>(" \n\t\r\v "[rng->NextBelow(6)]);
      if (kind == 3) c = static_cast<char32_t>(0x4E00 + rng->NextBelow(0x51A6));
      if (kind == 4) c = static_cast<char32_t>(0x20 + rng->NextBelow(0x3000));
      if (kind == 5) c = static_cast<char32_t>(rng->NextBelow(0x110000));
      if (kind == 6) c = static_cast<char32_t>(0x21 + rng->NextBelow(0x5E));
      if (c >= 0xD800 && c < 0xE000) c -= 0xD000;
      AppendUtf8(&text, c);
    }
  }
  return text;
}

std::string RandomBytes(Rng* rng) {
  std::string bytes(kChunkBytes, '\0');
  for (char& byte : bytes) byte = static_cast<char>(rng->NextBelow(256));
  return bytes;
}

// `is_spm`: U+2581 is SentencePiece's own sign for a space and comes back as one.
void Check(const Tokenizer& tokenizer, bool is_spm) {
  Rng rng(20);
  const EncodeOptions options{.add_special = false, .parse_special = !is_spm};
  for (size_t done = 0; done < static_cast<size_t>(Megabytes()) * 1000000; done += kChunkBytes) {
    for (std::string text : {RandomText(&rng), RandomBytes(&rng)}) {
      for (size_t at = 0; is_spm && (at = text.find("\u2581", at)) != std::string::npos;) {
        text[at] = '_';
        text.erase(at + 1, 2);
      }
      ASSERT_EQ(tokenizer.Decode(tokenizer.Encode(text, options), true), text);
    }
  }
}

void CheckMetadata(const Metadata& metadata, bool is_spm = false) {
  const Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::Create(metadata);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  Check(*tokenizer.value(), is_spm);
}

TEST(RoundTripTest, SmallByteLevelVocabulary) {
  CheckMetadata(MakeByteBpe("llama-bpe", {"a b", "Ġ a", "Ġ Ġ", "ä ¸", "ab c"}));
}

TEST(RoundTripTest, SmallSentencePieceVocabulary) {
  CheckMetadata(MakeSpm({"▁", "a", "b", "ab", "▁a", "▁▁", "中"}), true);
}

TEST(RoundTripTest, Glm4) {
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "tokenizers/glm4");
  Metadata metadata;
  ASSERT_TRUE(ReadTokenizerFolder(folder, &metadata).ok());
  CheckMetadata(metadata);
}

TEST(RoundTripTest, Gpt2) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "tokenizers/gguf/ggml-vocab-gpt-2.gguf");
  const auto file = ModelFile::Open(path);
  ASSERT_TRUE(file.ok());
  CheckMetadata(file.value()->metadata());
}

TEST(RoundTripTest, Llama2) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "tokenizers/gguf/ggml-vocab-llama-spm.gguf");
  const auto file = ModelFile::Open(path);
  ASSERT_TRUE(file.ok());
  CheckMetadata(file.value()->metadata(), true);
}

}  // namespace
}  // namespace autoglm

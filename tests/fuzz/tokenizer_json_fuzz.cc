// tokenizer.json of any content: read, translated, made into a tokenizer, and used a little.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "formats/hf_tokenizer_draft.h"
#include "formats/metadata.h"
#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace autoglm;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  TokenizerDraft draft;
  if (!ReadTokenizerJson(text, &draft).ok()) return 0;
  if (!ReadTokenizerConfig("", "", "", &draft).ok()) return 0;
  Metadata metadata;
  if (!draft.Write(&metadata).ok()) return 0;
  const Result<std::unique_ptr<Tokenizer>> created = Tokenizer::Create(metadata);
  if (!created.ok()) return 0;
  const Tokenizer& tokenizer = *created.value();
  for (const std::string_view sample :
       {std::string_view("Hello, world! it's 12345 \n\n  x<s>"),
        std::string_view("你好 a\u0301\xFF\xE4"), text.substr(0, 200)}) {
    const auto ids = tokenizer.Encode(sample, {.add_special = true, .parse_special = true});
    for (const int32_t id : ids) {
      if (id < 0 || id >= tokenizer.vocab_size()) std::abort();
    }
    tokenizer.Decode(ids, true);
  }
  return 0;
}
